"""Fine-tuning starts the classifier anew and loads all else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import MMDistributedDataParallel
from mmengine.runner import Runner
from torch import nn

from mmdet_panseg.engine import CheckpointError, ConfigError
from toy_run import ToyModel


class FirstWeights(Hook):
    """Keep what the training starts with, and what the model had before anything was loaded."""

    def before_run(self, runner):
        self.initial = {key.removeprefix('module.'): value.clone() for key, value in runner.model.state_dict().items()}

    def before_train(self, runner):
        self.loaded = {key.removeprefix('module.'): value.clone() for key, value in runner.model.state_dict().items()}


@pytest.fixture
def fine_tune(toy_config, tmp_path):
    """Start a training from weights; returns the weights it starts with, those before, and its log."""

    def run(weights, anew=('out',), parallel=False, **settings):
        torch.save(weights, tmp_path / 'coco.pth')
        settings = dict(dict(load_from=str(tmp_path / 'coco.pth'), log_level='INFO'), **settings)
        hooks = [dict(type='CheckpointMatchHook'), dict(type='FineTuningHook', anew=list(anew))]
        runner = Runner.from_cfg(toy_config(iterations=1, custom_hooks=hooks, **settings))
        if parallel:
            runner.model = MMDistributedDataParallel(runner.model)
        first = FirstWeights()
        runner.register_hook(first)
        runner.train()
        return first.loaded, first.initial, Path(runner.log_dir, f'{runner.timestamp}.log').read_text()

    return run


def coco_weights(classes=7):
    """Weights of a model with another number of classes."""
    model = ToyModel()
    model.out = nn.Linear(4, classes)
    return model.state_dict()


@pytest.mark.parametrize('bare', [True, False])
@pytest.mark.parametrize('prefix', ['', 'module.'])
@pytest.mark.parametrize('parallel', [True, False])
def test_the_classifier_alone_is_started_anew(fine_tune, process_group, bare, prefix, parallel):
    weights = coco_weights()
    saved = {f'{prefix}{key}': value for key, value in weights.items()}
    loaded, initial, log = fine_tune(saved if bare else dict(state_dict=saved), parallel=parallel)
    for key, value in loaded.items():
        assert torch.equal(value, (initial if key.startswith('out.') else weights)[key]), key
    told = 'coco.pth: out started anew; everything else, 5 entries, was loaded.'
    assert log.count(told) == 1
    assert 'do not match exactly' not in log and 'entries match' not in log


@pytest.mark.parametrize('lost', [('out.weight', 'out.bias'), ('out.bias',)])
def test_a_module_that_is_not_all_there_is_started_anew_as_a_whole(fine_tune, lost):
    weights = coco_weights(1)
    loaded, initial, log = fine_tune({key: value for key, value in weights.items() if key not in lost})
    assert all(torch.equal(loaded[key], initial[key]) for key in ('out.weight', 'out.bias'))
    assert 'coco.pth: out started anew' in log


def test_a_classifier_that_fits_is_loaded(fine_tune):
    weights = coco_weights(1)
    loaded, _, log = fine_tune(weights)
    assert all(torch.equal(loaded[key], value) for key, value in weights.items())
    assert 'nothing started anew; everything else, 7 entries, was loaded.' in log


@pytest.mark.parametrize('absent', [True, False])
def test_a_difference_elsewhere_is_an_error_with_the_remedy(fine_tune, absent):
    weights = coco_weights()
    if absent:
        del weights['features.0.bias']
    else:
        weights['features.0.bias'] = torch.ones(5)
    named = r'features\.0\.bias' if absent else r'features\.0\.bias \(file \[5\], model \[8\]\)'
    pattern = rf'coco\.pth: does not fit this model, even without out: 1 entries [^;]*{named}\. Use the recipe'
    with pytest.raises(CheckpointError, match=pattern):
        fine_tune(weights)


def test_settings_are_checked(fine_tune):
    with pytest.raises(ConfigError, match='load_from is None'):
        fine_tune(coco_weights(), load_from=None)
    with pytest.raises(ConfigError, match="the model has no 'features.3'. Near it: features"):
        fine_tune(coco_weights(), anew=['features.3'])


def test_resumed_trainings_and_tests_load_the_classifier(toy_config, tmp_path):
    hooks = [dict(type='FineTuningHook', anew=['out']), dict(type='CheckpointMatchHook', require_all=True)]
    torch.save(dict(state_dict=coco_weights()), tmp_path / 'coco.pth')
    resumed = toy_config(custom_hooks=hooks, load_from=str(tmp_path / 'coco.pth'), resume=True)
    with pytest.raises(CheckpointError, match=r'does not fit.*out\.weight \(file \[7, 4\], model \[1, 4\]\)'):
        Runner.from_cfg(resumed).train()

    tested = Runner.from_cfg(toy_config(custom_hooks=hooks, load_from=str(tmp_path / 'coco.pth')))
    with pytest.raises(CheckpointError, match=r'does not fit.*out\.weight \(file \[7, 4\], model \[1, 4\]\)'):
        tested.load_or_resume()  # what Runner.test does
