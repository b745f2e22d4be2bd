"""Losses of rungs before training, on the toy model."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(REPOSITORY / 'tests/engine')]
from toy_run import ToyDataset, ToyModel, toy_config  # noqa: E402

from mmdet_panseg.apis.ladder import RunSettings, effects_table, loss_effects, read_ladder  # noqa: E402

RUNGS = dict(
    root="_base_ = '../base.py'\n",
    ballast="_base_ = './root.py'\nmodel = dict(ballast=5)\n",
    slower="_base_ = './ballast.py'\noptim_wrapper = dict(optimizer=dict(lr=0.01))\n",
    tested="_base_ = './root.py'\ntest_cfg = dict(fp16=False)\n",
    darker="_base_ = './tested.py'\ntrain_dataloader = dict(dataset=dict(length=64))\n",
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'base.py').write_text(toy_config(tmp_path / 'unused', test_cfg=dict(type='TestLoop')).pretty_text)
    rungs = tmp_path / 'ladder'
    rungs.mkdir()
    for name, text in RUNGS.items():
        (rungs / f'{name}.py').write_text(text + f"ablation = dict(change='{name}', schedule='1x')\n")
    return rungs


def test_losses_of_equal_weights_on_equal_images(folder):
    effects = {effect.rung: effect for effect in loss_effects(read_ladder(folder), RunSettings('own'), batches=3)}
    assert set(effects) == {'ballast', 'slower', 'darker'}
    assert {name: effect.parent for name, effect in effects.items()} == dict(
        ballast='root', slower='ballast', darker='root'
    )
    for effect in effects.values():
        assert set(effect.losses) == {'loss_mean', 'loss_levels'}
    assert effects['ballast'].cannot_matter and not effects['ballast'].unseen
    assert effects['slower'].unseen == ['optim_wrapper'] and not effects['slower'].cannot_matter
    assert all(old == new for old, new in effects['slower'].losses.values())
    assert not effects['darker'].cannot_matter
    assert all(old != new for old, new in effects['darker'].losses.values())
    lines = list(effects_table(iter(effects.values())))
    assert sum('cannot matter' in line for line in lines) == 1
    assert any(line.startswith('| `slower` ') and 'equal losses, changes optim_wrapper' in line for line in lines)
    assert any(line.startswith('| `darker` ') and line.endswith('losses differ |') for line in lines)


def test_losses_are_means_over_the_batches(folder, monkeypatch):
    batches, own = [], ToyModel.forward

    def forward(self, inputs, data_samples=None, mode='tensor'):
        losses = own(self, inputs, data_samples, mode)
        batches.append((sorted(sample.img_id for sample in data_samples), losses['loss_mean'].item()))
        return losses

    monkeypatch.setattr(ToyModel, 'forward', forward)
    (ballast, *_) = loss_effects(read_ladder(folder), RunSettings('own'), batches=4)
    assert [ids for ids, _ in batches[:4]] == [ids for ids, _ in batches[4:8]]
    assert len({tuple(ids) for ids, _ in batches[:4]}) == 4
    assert ballast.losses['loss_mean'][0] == pytest.approx(sum(loss for _, loss in batches[:4]) / 4)


def test_command(folder, monkeypatch):
    monkeypatch.setenv('PYTHONPATH', f'{REPOSITORY}:{REPOSITORY / "tests/engine"}')
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    tool = str(REPOSITORY / 'tools/analysis_tools/ladder.py')
    done = subprocess.run(
        [sys.executable, tool, str(folder), '--effects', '--data', 'own'], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert '| `ballast` | `root` | ' in done.stdout and 'cannot matter' in done.stdout
    assert 'Initialized by' not in done.stdout + done.stderr


def test_the_toy_data_differ_by_their_length():
    """What makes the darker rung's losses differ."""
    assert (ToyDataset(32)[9]['inputs'] != ToyDataset(64)[9]['inputs']).any()
