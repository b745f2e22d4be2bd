"""A loss that is no number stops the run before it touches weights or checkpoints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from mmengine.runner import Runner

from mmdet_panseg.engine import NonFiniteError, load_checkpoint_safely
from toy_run import ToyModel

HOOKS = [dict(type='NonFiniteLossHook')]


def poisoned(toy_config, index, **settings):
    config = toy_config(custom_hooks=HOOKS, **settings)
    config.train_dataloader.sampler.shuffle = False
    config.train_dataloader.dataset.poison = index
    return config


def test_stops_and_names_terms_and_images(toy_config):
    runner = Runner.from_cfg(poisoned(toy_config, index=7, save_every=1))
    with pytest.raises(NonFiniteError) as caught:
        runner.train()
    message = str(caught.value)
    assert message.startswith('iteration 4: the loss is not finite')
    assert re.search(r'loss_mean: nan +<- here', message) and re.search(r'loss_levels: nan +<- here', message)
    assert '6 (images/6.jpg), 7 (images/7.jpg)' in message
    assert f'the last one is {runner.work_dir}/iter_3.pth' in message
    assert all(torch.isfinite(value).all() for value in runner.model.state_dict().values())
    saved = load_checkpoint_safely(Path(runner.work_dir, 'iter_3.pth'))['state_dict']
    assert all(torch.equal(saved[key], value) for key, value in runner.model.state_dict().items())
    assert not Path(runner.work_dir, 'iter_4.pth').exists()


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_any_term_counts(toy_config, monkeypatch, value):
    original = ToyModel.forward

    def with_extra_term(self, inputs, data_samples=None, mode='tensor'):
        losses = original(self, inputs, data_samples, mode)
        return {**losses, 'accuracy': torch.tensor([1.0, value])}  # not part of the sum

    monkeypatch.setattr(ToyModel, 'forward', with_extra_term)
    with pytest.raises(NonFiniteError, match=r'accuracy: (nan|inf) +<- here') as caught:
        Runner.from_cfg(toy_config(custom_hooks=HOOKS)).train()
    assert not re.search(r'loss_mean: .*<- here', str(caught.value))


def test_models_that_sum_their_own_losses_are_checked_before_saving(toy_config, monkeypatch):
    def train_step(self, data, optim_wrapper):
        return dict(loss=torch.tensor(float('inf')))

    monkeypatch.setattr(ToyModel, 'train_step', train_step)
    runner = Runner.from_cfg(toy_config(custom_hooks=HOOKS, save_every=1))
    with pytest.raises(NonFiniteError, match=r'loss: inf +<- here'):
        runner.train()
    assert not list(Path(runner.work_dir).glob('*.pth'))


def test_poisoned_weights_are_not_saved(toy_config):
    config = toy_config(custom_hooks=HOOKS, save_every=1)
    config.optim_wrapper.optimizer.lr = float('inf')  # the loss is finite, the step is not
    runner = Runner.from_cfg(config)
    with pytest.raises(NonFiniteError, match='iteration 1: .* is no longer finite'):
        runner.train()
    assert not list(Path(runner.work_dir).glob('*.pth'))


def test_finite_runs_are_left_alone(toy_config):
    plain = Runner.from_cfg(toy_config()).train()
    checked = Runner.from_cfg(toy_config(custom_hooks=HOOKS)).train()
    assert all(torch.equal(checked.state_dict()[key], value) for key, value in plain.state_dict().items())
    assert 'parse_losses' not in vars(checked)
