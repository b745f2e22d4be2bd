"""Checkpoints and records of the log come often enough in trainings of any length, where the config says nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mmengine.runner import Runner

EPOCHS = dict(
    train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=3),
    train_dataloader=dict(
        dataset=dict(type='ToyDataset', length=16), sampler=dict(type='DefaultSampler'), batch_size=2, num_workers=0
    ),
)


@pytest.mark.parametrize(
    ('settings', 'interval', 'checkpoints', 'logged'),
    [
        (dict(iterations=20), {}, [f'iter_{step}' for step in (5, 10, 15, 20)], [5, 10, 15, 20]),
        (dict(iterations=2), {}, ['iter_1', 'iter_2'], [1, 2]),
        # mmengine logs the first end of a short data set as well.
        (
            dict(iterations=820),
            {},
            [f'iter_{step}' for step in (200, 400, 600, 800, 820)],
            [16, *range(50, 801, 50)],
        ),
        (dict(iterations=20), dict(interval=9), ['iter_9', 'iter_18', 'iter_20'], [9, 18]),
        (EPOCHS, {}, ['epoch_1', 'epoch_2', 'epoch_3'], [6, 14, 22]),
    ],
    ids=['iterations', 'two iterations', 'many iterations', 'as the config says', 'epochs'],
)
def test_checkpoints_and_log(toy_config, settings, interval, checkpoints, logged):
    hooks = dict(
        checkpoint=dict(type='AtomicCheckpointHook', by_epoch=False, **interval),
        logger=dict(type='TrainingLoggerHook', **interval),
    )
    runner = Runner.from_cfg(toy_config(**settings, default_hooks=hooks))
    runner.train()
    assert {path.stem for path in Path(runner.work_dir).glob('*.pth')} == set(checkpoints)
    (records,) = Path(runner.work_dir).glob('*/vis_data/scalars.json')
    assert [json.loads(line)['step'] for line in records.read_text().splitlines()] == list(logged)
