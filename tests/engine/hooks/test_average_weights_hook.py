"""The averaged weights are those that are validated, saved, resumed and tested."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import nn

import ladder_toy  # noqa: F401, registers ToyAP
from mmdet_panseg.engine import load_checkpoint_safely
from mmdet_panseg.engine.training import harden_training, set_resume_checkpoint
from mmdet_panseg.errors import ConfigError
from toy_run import ToyModel

LOADER = dict(
    dataset=dict(type='ToyDataset', length=4),
    sampler=dict(type='DefaultSampler', shuffle=False),
    batch_size=2,
    num_workers=0,
)


@MODELS.register_module(force=True)
class ToyModelWithNorm(ToyModel):
    """The toy model with statistics."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.features.insert(1, nn.BatchNorm2d(8))


class NoteWeights(Hook):
    """Notes the weights of each iteration and the scores, and dies at an iteration's validation."""

    def __init__(self, die_at=None):
        self.seen, self.scores, self.die_at = [], {}, die_at

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.seen.append({key: value.clone() for key, value in runner.model.state_dict().items()})

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter == self.die_at:
            raise KeyboardInterrupt

    def after_val_epoch(self, runner, metrics=None):
        self.scores[runner.iter] = metrics['coco/segm_mAP']


@pytest.fixture
def averaging(toy_config):
    """Build the config of a toy run that averages, and saves and validates every two iterations."""

    def build(hook=None, **settings):
        config = toy_config(
            **dict(
                iterations=8,
                model=dict(type='ToyModelWithNorm'),
                val_dataloader=LOADER,
                val_cfg=dict(type='ValLoop'),
                val_evaluator=dict(type='ToyAP'),
            )
            | settings
        )
        config.train_cfg.val_interval = 2
        config.default_hooks.average = hook or dict(type='AverageWeightsHook')
        harden_training(config)
        return config

    return build


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def running_average(seen, window):
    """Average by the formula, one iteration after the other; counters stay those of the first."""
    average = {key: value.double() for key, value in seen[0].items()}
    for step, weights in enumerate(seen[1:], start=1):
        for key, value in weights.items():
            if value.is_floating_point():
                average[key] = average[key] + (value - average[key]) / (1 + window * step)
    return average


@pytest.mark.parametrize('window', [0.1, 0.5, 1.0])
def test_average_equals_the_formula(averaging, window):
    runner = Runner.from_cfg(averaging(dict(type='AverageWeightsHook', window=window)))
    notes = NoteWeights()
    runner.register_hook(notes)
    live = runner.train().state_dict()
    saved = load_checkpoint_safely(f'{runner.work_dir}/iter_8.pth')
    expected = running_average(notes.seen, window)
    assert all(torch.allclose(saved['state_dict'][key].double(), expected[key], atol=1e-6) for key in expected)
    own = {key.removeprefix('module.'): value for key, value in saved['ema_state_dict'].items() if key != 'steps'}
    assert same(own, live)
    assert not torch.allclose(saved['state_dict']['features.1.running_mean'], live['features.1.running_mean'])


@pytest.mark.parametrize('length', [100, 1000])
def test_window_follows_the_length_of_the_training(length):
    """The weights are the numbers of the iterations, so that the average lags behind by its mean age."""
    hook = HOOKS.build(dict(type='AverageWeightsHook', window=0.1))
    weight = nn.Linear(1, 1, bias=False).double()
    average = MODELS.build({**hook.ema_cfg, 'model': weight})
    for step in range(1, length + 1):
        weight.weight.data.fill_(step)
        average.update_parameters(weight)
    lag = length - float(average.module.weight)
    assert lag / length == pytest.approx(0.1 / 1.1, rel=0.05)


def test_average_is_validated_and_the_best_is_saved(averaging):
    config = averaging()
    config.default_hooks.checkpoint.update(save_best='coco/segm_mAP', interval=2, max_keep_ckpts=-1)
    runner = Runner.from_cfg(config)
    notes = NoteWeights()
    runner.register_hook(notes)
    runner.train()
    found = notes.scores
    assert list(found) == [2, 4, 6, 8] and len(set(found.values())) == 4
    best = max(found, key=found.get)
    saved = {step: f'iter_{step}.pth' for step in found}
    for step, name in (*saved.items(), (best, f'best_coco_segm_mAP_iter_{best}.pth')):
        again = averaging(load_from=f'{runner.work_dir}/{name}')
        assert Runner.from_cfg(again).val()['coco/segm_mAP'] == found[step], name
    weights = load_checkpoint_safely(f'{runner.work_dir}/{saved[best]}')['state_dict']
    assert same(load_checkpoint_safely(f'{runner.work_dir}/best_coco_segm_mAP_iter_{best}.pth')['state_dict'], weights)


def test_resumed_run_has_the_average_of_an_uninterrupted_one(averaging, tmp_path):
    whole = Runner.from_cfg(averaging(work_dir=tmp_path / 'whole'))
    whole.train()
    broken = Runner.from_cfg(averaging(work_dir=tmp_path / 'broken'))
    broken.register_hook(NoteWeights(die_at=6))  # while the model has the averaged weights
    with pytest.raises(KeyboardInterrupt):
        broken.train()
    config = averaging(work_dir=tmp_path / 'broken')
    set_resume_checkpoint(config, 'auto')
    assert Path(config.load_from).name == 'iter_6.pth'
    Runner.from_cfg(config).train()
    one, other = (load_checkpoint_safely(tmp_path / folder / 'iter_8.pth') for folder in ('whole', 'broken'))
    assert same(one['state_dict'], other['state_dict'])
    assert same(one['ema_state_dict'], other['ema_state_dict']) and one['ema_state_dict']['steps'] == 8
    assert not same(one['state_dict'], {key[7:]: value for key, value in one['ema_state_dict'].items() if '.' in key})


def test_resuming_without_the_hook_is_told(averaging, tmp_path, log):
    Runner.from_cfg(averaging(iterations=4)).train()
    config = averaging(iterations=6)
    del config.default_hooks.average
    set_resume_checkpoint(config, 'auto')
    runner = Runner.from_cfg(config)
    runner.logger.addHandler(log.handler)
    runner.train()
    assert 'goes on from averaged weights' in log.text


@pytest.mark.parametrize('file', ['whole', 'bare', 'prefixed'])
@pytest.mark.parametrize('hook', ['AverageWeightsHook', None])
def test_a_test_has_the_weights_of_the_file(averaging, tmp_path, file, hook):
    Runner.from_cfg(averaging()).train()
    path = tmp_path / 'run' / 'iter_8.pth'
    weights = load_checkpoint_safely(path)['state_dict']
    expected = Runner.from_cfg(averaging(load_from=str(path))).val()
    if file == 'bare':
        torch.save(weights, path)
    elif file == 'prefixed':
        torch.save(dict(state_dict={f'module.{key}': value for key, value in weights.items()}), path)
    testing = dict(test_dataloader=LOADER, test_cfg=dict(type='TestLoop'), test_evaluator=dict(type='ToyAP'))
    config = averaging(load_from=str(path), **testing)
    if hook is None:
        del config.default_hooks.average
    runner = Runner.from_cfg(config)
    assert runner.test() == expected
    assert same(runner.model.state_dict(), weights)


def test_training_from_other_weights_begins_with_them(averaging, tmp_path):
    Runner.from_cfg(averaging()).train()
    path = tmp_path / 'run' / 'iter_8.pth'
    torch.save(load_checkpoint_safely(path)['state_dict'], path)
    runner = Runner.from_cfg(averaging(iterations=1, load_from=str(path)))
    notes = NoteWeights()
    runner.register_hook(notes)
    runner.train()
    assert same(load_checkpoint_safely(f'{runner.work_dir}/iter_1.pth')['state_dict'], notes.seen[0])


def test_a_checkpoint_of_another_model_is_refused_by_name(averaging, tmp_path):
    Runner.from_cfg(averaging(iterations=2)).train()
    config = averaging(iterations=4, model=dict(type='ToyModelWithNorm', ballast=5))
    set_resume_checkpoint(config, 'auto')
    with pytest.raises(RuntimeError, match='does not fit this model; .*ballast'):
        Runner.from_cfg(config).train()


@pytest.mark.parametrize('window', [0, 1.5])
def test_windows_that_mean_nothing(window):
    with pytest.raises(ConfigError, match=r'AverageWeightsHook\.window'):
        HOOKS.build(dict(type='AverageWeightsHook', window=window))
