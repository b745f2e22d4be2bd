"""The rate of every step, against mmengine's schedulers with times written by hand."""

from __future__ import annotations

import pytest
import torch
from mmdet.registry import PARAM_SCHEDULERS
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmdet_panseg.errors import ConfigError
from repository import REPOSITORY

FOLDER = REPOSITORY / 'configs'


class RecordRates(Hook):
    """Keeps the rate of each iteration."""

    def __init__(self):
        self.rates = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.rates.append(runner.optim_wrapper.get_lr()['lr'][0])


def cosine(length, warmup):
    """Schedulers with a warm-up and half a cosine, with times for one length."""
    return [
        dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=warmup),
        dict(
            **dict(type='CosineAnnealingLR', by_epoch=False, begin=warmup, end=length),
            **dict(T_max=length - warmup, eta_min_ratio=0.01),
        ),
    ]


def steps(epochs, milestones, warmup):
    """Schedulers with a warm-up and steps at certain epochs."""
    return [
        dict(type='LinearLR', start_factor=1.0 / 3, by_epoch=False, begin=0, end=warmup),
        dict(type='MultiStepLR', begin=0, end=epochs, by_epoch=True, milestones=milestones, gamma=0.1),
    ]


def rates(schedulers, epochs, epoch_length):
    """Rate of each iteration; schedulers get their ``end`` as mmengine's runner gives it."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.02)
    lengths = {True: epochs, False: epochs * epoch_length}
    built = [
        PARAM_SCHEDULERS.build({'end': lengths[config['by_epoch']], **config, 'optimizer': optimizer})
        for config in schedulers
    ]
    found = []
    for iteration in range(epochs * epoch_length):
        found.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for scheduler in built:
            if not scheduler.by_epoch or (iteration + 1) % epoch_length == 0:
                scheduler.step()
    return found


def schedule(name, **train_cfg):
    """Schedulers of a config and its length, with another length for some."""
    config = Config.fromfile(FOLDER / name)
    config.merge_from_dict(dict(train_cfg=train_cfg))
    return config.param_scheduler, config.train_cfg


@pytest.mark.parametrize(
    ('name', 'length'),
    [
        ('solo/solo_effl0_scenes', 1000),
        ('recipes/instance_cpu_nuclei_mini', 800),
        ('solo/solo_effl0_coco_mini_overfit40', 1200),
    ],
)
def test_shipped_iterations_have_the_rates_of_mmengine(name, length):
    schedulers, training = schedule(f'{name}.py')
    assert training.max_iters == length
    assert rates(schedulers, 1, length) == rates(cosine(length, 100), 1, length)


@pytest.mark.parametrize(
    ('name', 'epochs', 'milestones'),
    [
        ('solo/solo_r50_fpn_p2p6_1x_coco', 12, [9, 11]),
        ('solo/solo_r50_fpn_p2p6_3x_coco', 36, [27, 33]),
        ('solo/ladder/seed_3x', 36, [27, 33]),
        ('solo/heads/solov2_3x', 36, [27, 33]),
        ('panoptic/panoptic_solo_r50_fpn_p2p6_cityscapes', 64, [48, 60]),
    ],
)
def test_shipped_epochs_have_the_rates_of_mmengine(name, epochs, milestones):
    schedulers, training = schedule(f'{name}.py')
    assert training.max_epochs == epochs
    assert rates(schedulers, epochs, 250) == rates(steps(epochs, milestones, 500), epochs, 250)


@pytest.mark.parametrize(('length', 'warmup'), [(10, 2), (40, 8), (499, 99), (500, 100), (3000, 100)])
def test_iterations_of_any_length(length, warmup):
    """A child config and an option set ``max_iters`` alone; the warm-up is at most a fifth."""
    schedulers, training = schedule('solo/solo_effl0_scenes.py', max_iters=length)
    found = rates(schedulers, 1, training.max_iters)
    assert found == rates(cosine(length, warmup), 1, length)
    assert max(found) == pytest.approx(0.02) and found[-1] < 0.003


@pytest.mark.parametrize(
    ('epochs', 'milestones', 'warmup'), [(2, [1, 1], 8), (4, [3, 3], 16), (24, [18, 22], 96), (130, [97, 121], 500)]
)
def test_epochs_of_any_length(epochs, milestones, warmup):
    schedulers, training = schedule('solo/solo_r50_fpn_p2p6_1x_coco.py', max_epochs=epochs)
    assert rates(schedulers, training.max_epochs, 20) == rates(steps(epochs, milestones, warmup), epochs, 20)


@pytest.mark.parametrize('length', [1, 2, 5])
def test_the_shortest_trainings_have_no_warm_up(length):
    schedulers, _ = schedule('solo/solo_effl0_scenes.py')
    assert rates(schedulers, 1, length)[0] == 0.02
    schedulers, _ = schedule('solo/solo_r50_fpn_p2p6_1x_coco.py')
    assert rates(schedulers, 1, length) == [0.02] * length


def test_fractions_are_whole_steps_where_they_should_be():
    for epochs in range(12, 120, 12):
        config = dict(type='StepDecayLR', milestones=[11 / 12], by_epoch=True)
        expected = dict(type='MultiStepLR', milestones=[epochs // 12 * 11], by_epoch=True)
        assert rates([config], epochs, 1) == rates([expected], epochs, 1)


def test_milestones_in_epochs_are_refused():
    with pytest.raises(ConfigError, match=r'milestones=\[9, 11\]: give fractions'):
        rates([dict(type='StepDecayLR', milestones=[9, 11], by_epoch=True)], 12, 1)


EPOCHS = dict(
    train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=5),
    train_dataloader=dict(
        dataset=dict(type='ToyDataset', length=16), sampler=dict(type='DefaultSampler'), batch_size=2, num_workers=0
    ),
)
ITERATIONS = dict(iterations=40)
COSINE = [
    dict(type='WarmupLR', length=100, start_factor=0.05, by_epoch=False),
    dict(type='CosineDecayLR', warmup=100, eta_min_ratio=0.01, by_epoch=False),
]
STEPS = [
    dict(type='WarmupLR', length=100, start_factor=1 / 3, by_epoch=False),
    dict(type='StepDecayLR', milestones=[3 / 4, 15 / 16], by_epoch=True),
]


def train(config, **settings):
    """Rates of a training by mmengine's runner, and the runner."""
    runner = Runner.from_cfg(Config({**config, **settings}))
    hook = RecordRates()
    runner.register_hook(hook)
    runner.train()
    return hook.rates, runner


@pytest.mark.parametrize(
    ('training', 'schedulers', 'expected'),
    [
        (ITERATIONS, COSINE, rates(cosine(40, 8), 1, 40)),
        (EPOCHS, COSINE, rates(cosine(40, 8), 1, 40)),
        (EPOCHS, STEPS, rates(steps(5, [3, 4], 8), 5, 8)),
    ],
)
def test_the_runner_says_how_long_the_training_is(toy_config, training, schedulers, expected):
    """In both loops, and when it goes on from a checkpoint of the middle, it has the rates of the whole."""
    wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.02))
    hooks = dict(checkpoint=dict(type='AtomicCheckpointHook', filename_tmpl='{}.pth'))
    config = toy_config(**training, param_scheduler=schedulers, optim_wrapper=wrapper, default_hooks=hooks)
    found, runner = train(config)
    assert found == expected
    by_epoch = 'max_epochs' in config.train_cfg
    middle, done = (3, 24) if by_epoch else (20, 20)
    again, _ = train(
        config, load_from=f'{runner.work_dir}/{middle}.pth', resume=True, experiment_name=f'{config.experiment_name}b'
    )
    assert again == expected[done:]


@pytest.mark.parametrize('settings', [dict(type='WarmupLR', length=2), dict(type='StepDecayLR', milestones=[0.5])])
def test_conversion_to_iterations_is_refused(settings):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    with pytest.raises(ConfigError, match='drop convert_to_iter_based'):
        PARAM_SCHEDULERS.build(dict(**settings, optimizer=optimizer, end=4, convert_to_iter_based=True, epoch_length=4))
