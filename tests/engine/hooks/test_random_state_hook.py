"""A training is the same to the bit, interrupted or not, with any number of loader processes."""

from __future__ import annotations

import pytest
import torch
from mmengine.runner import Runner

import mmdet_panseg.engine.hooks  # noqa: F401
from augmented_run import augmented_config
from mmdet_panseg.engine import load_checkpoint_safely


@pytest.fixture
def train(tmp_path):
    """Train, perhaps until an accident, and give the weights at the end."""

    def run(config, name='run', accident=None, resume=None):
        config = config.copy()
        config.work_dir = str(tmp_path / name)
        config.custom_hooks = [dict(type='RandomStateHook')]
        if accident is not None:
            config.custom_hooks.append(dict(type='AccidentHook', iteration=accident))
        if resume is not None:
            config.update(resume=True, load_from=str(tmp_path / name / resume))
        runner = Runner.from_cfg(config)
        if accident is not None:
            with pytest.raises(RuntimeError, match='an accident'):
                runner.train()
        else:
            runner.train()
        return runner.model.state_dict()

    return run


def assert_equal(one, other):
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize('by_epoch', [False, True], ids=['iterations', 'epochs'])
def test_workers_and_interruptions_change_nothing(train, by_epoch):
    config = augmented_config(by_epoch)
    whole = train(config, 'whole')
    config.train_dataloader.update(num_workers=2, persistent_workers=True)
    train(config, accident=5)
    assert_equal(whole, train(config, resume='epoch_1.pth' if by_epoch else 'iter_3.pth'))


@pytest.mark.parametrize('other', [None, 1])
def test_a_seed_that_was_drawn_goes_on(train, tmp_path, other):
    """The order of samples follows from it too; a seed that only the resumed training names is not taken."""
    config = augmented_config(iterations=6)
    config.pop('randomness')
    train(config, accident=5)
    drawn = load_checkpoint_safely(tmp_path / 'run' / 'iter_3.pth')['meta']['seed']
    if other is not None:
        config.randomness = dict(seed=other)
    resumed = train(config, resume='iter_3.pth')
    config.randomness = dict(seed=drawn)
    assert_equal(resumed, train(config, 'whole'))


def test_finite_samplers_in_a_training_that_counts_iterations(train):
    config = augmented_config(iterations=8, sampler='DefaultSampler')
    whole = train(config, 'whole')
    train(config, accident=8)
    assert_equal(whole, train(config, resume='iter_6.pth'))
