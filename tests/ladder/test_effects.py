"""First losses and gradients of rungs, on the toy model."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.logging import print_log

from mmdet_panseg.errors import ConfigError
from mmdet_panseg.ladder import RunSettings, effects_table, loss_effects, read_ladder
from repository import HELPERS, REPOSITORY
from toy_run import ToyModel, toy_config

RUNGS = dict(
    root="_base_ = '../base.py'\n",
    ballast="_base_ = './root.py'\nmodel = dict(ballast=5, test_cfg=dict(score_thr=0.5))\n",
    slower="_base_ = './ballast.py'\noptim_wrapper = dict(optimizer=dict(lr=0.01))\n",
    tested="_base_ = './root.py'\ntest_cfg = dict(fp16=False)\n",
    darker="_base_ = './tested.py'\ntrain_dataloader = dict(dataset=dict(length=64))\n",
    frozen="_base_ = './root.py'\nmodel = dict(frozen=True)\n",
    drawn="_base_ = './root.py'\nmodel = dict(draws=7)\n",
)


class BranchingModel(ToyModel):
    """The toy model with parts that do not learn, and with random numbers drawn before its weights are."""

    def __init__(self, ballast=0, frozen=False, draws=0, test_cfg=None, data_preprocessor=None):
        torch.rand(draws)
        super().__init__(ballast, data_preprocessor)
        self.out.requires_grad_(not frozen)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setitem(MODELS.module_dict, 'ToyModel', BranchingModel)
    (tmp_path / 'base.py').write_text(toy_config(tmp_path / 'unused', test_cfg=dict(type='TestLoop')).pretty_text)
    rungs = tmp_path / 'ladder'
    rungs.mkdir()
    for name, text in RUNGS.items():
        (rungs / f'{name}.py').write_text(text + f"ablation = dict(change='{name}', schedule='1x')\n")
    return rungs


def effects_of(folder, **options):
    return {effect.rung: effect for effect in loss_effects(read_ladder(folder), RunSettings('own'), **options)}


def test_equal_weights_on_equal_images(folder):
    effects = effects_of(folder, batches=3)
    assert {name: effect.parent for name, effect in effects.items()} == dict(
        ballast='root', slower='ballast', darker='root', frozen='root', drawn='root'
    )
    assert {name for name, effect in effects.items() if effect.equal} == {'slower', 'drawn'}
    for name, effect in effects.items():
        assert set(effect.losses) == {'loss_mean', 'loss_levels'}
        assert all((old == new) == (name != 'darker') for old, new in effect.losses.values())
    assert {name: effect.beside for name, effect in effects.items() if effect.beside} == dict(
        ballast=['model.test_cfg'], slower=['optim_wrapper'], darker=['test_cfg']
    )
    assert {name: effect.new_layers for name, effect in effects.items() if effect.new_layers} == dict(
        ballast=['ballast']
    )


def test_messages_come_again_afterwards(folder, log):
    effects_of(folder, only=['slower'], batches=1)
    print_log('after', 'current')
    assert log.messages[-1] == 'after'


def test_table(folder):
    lines = list(effects_table(read_ladder(folder), effects_of(folder, batches=3).values()))
    rows = {line.split('`')[1]: line for line in lines if line.startswith('| `')}
    assert '| in the gradients |' in rows['frozen'] and '| none: losses and gradients are equal |  |' in rows['drawn']
    assert '| none: losses and gradients are equal | optim_wrapper |' in rows['slower']
    assert '%)' in rows['darker'] and '| yes | test_cfg |' in rows['darker']
    assert lines[-1] == 'Left out, as they only test: tested.'


def test_only_some_rungs(folder):
    assert set(effects_of(folder, only=['slower', 'darker'], batches=1)) == {'slower', 'darker'}
    with pytest.raises(ConfigError, match='--only wrong: no such rung'):
        effects_of(folder, only=['wrong'])


@pytest.mark.parametrize(('batches', 'drawn'), [(4, 4), (40, 16)])
def test_losses_are_means_over_the_batches(folder, monkeypatch, batches, drawn):
    """Of the data that there are, in the same order for both."""
    finite = "train_dataloader = dict(sampler=dict(_delete_=True, type='DefaultSampler', shuffle=True))\n"
    (folder / 'root.py').write_text(RUNGS['root'] + finite + "ablation = dict(change='finite', schedule='1x')\n")
    seen, own = [], BranchingModel.forward

    def forward(self, inputs, data_samples=None, mode='tensor'):
        losses = own(self, inputs, data_samples, mode)
        seen.append((sorted(sample.img_id for sample in data_samples), losses['loss_mean'].item()))
        return losses

    monkeypatch.setattr(BranchingModel, 'forward', forward)
    (ballast,) = effects_of(folder, only=['ballast'], batches=batches).values()
    assert len(seen) == 2 * drawn
    assert [ids for ids, _ in seen[:drawn]] == [ids for ids, _ in seen[drawn:]]
    assert len({tuple(ids) for ids, _ in seen}) == drawn
    assert ballast.losses['loss_mean'][0] == pytest.approx(sum(loss for _, loss in seen[:drawn]) / drawn)


def test_data_without_a_batch(folder):
    empty = 'train_dataloader = dict(dataset=dict(length=1), batch_size=2, drop_last=True)\n'
    (folder / 'root.py').write_text(RUNGS['root'] + empty + "ablation = dict(change='empty', schedule='1x')\n")
    finite = (folder.parent / 'base.py').read_text().replace("'InfiniteSampler'", "'DefaultSampler'")
    (folder.parent / 'base.py').write_text(finite)
    with pytest.raises(ConfigError, match='there is no batch'):
        effects_of(folder)


def test_command(tmp_path, monkeypatch):
    (tmp_path / 'base.py').write_text(toy_config(tmp_path / 'unused').pretty_text)
    rungs = tmp_path / 'ladder'
    rungs.mkdir()
    for name in ('root', 'darker'):
        text = RUNGS[name].replace('tested', 'root') + f"ablation = dict(change='{name}', schedule='1x')\n"
        (rungs / f'{name}.py').write_text(text)
    monkeypatch.setenv('PYTHONPATH', f'{REPOSITORY}:{HELPERS}')
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    tool = str(REPOSITORY / 'tools/analysis_tools/ladder.py')
    options = ['--data', 'own', '--cfg-options', 'optim_wrapper.optimizer.lrr=1']
    done = subprocess.run(
        [sys.executable, tool, 'effects', str(rungs), *options], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert '| `darker` | `root` | ' in done.stdout
    assert 'Initialized by' not in done.stdout + done.stderr
    assert "no key 'lrr'" in done.stdout + done.stderr
