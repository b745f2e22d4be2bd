"""Trainings of a second with augmentation, dropout and accidents; imported by configs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from mmdet.registry import DATASETS, HOOKS, MODELS
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from torch import nn
from torch.utils.data import Dataset

from mmdet_panseg.datasets.scenes import make_scenes
from mmdet_panseg.errors import UserError
from toy_run import toy_config

LOAD = [dict(type='LoadCheckedImage'), dict(type='LoadAnnotations', with_bbox=True, with_mask=True)]
AUGMENT = [
    dict(type='RandomResize', scale=(48, 48), ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path')),
]


@DATASETS.register_module(force=True)
class NoisyDataset(Dataset):
    """Images that are other ones whenever they are loaded."""

    metainfo = dict(classes=('box',))

    def __len__(self):
        return 7

    def __getitem__(self, index):
        return dict(inputs=torch.rand(3, 8 + np.random.randint(4), 8) * 200 + index)


@MODELS.register_module(force=True)
class DropoutModel(BaseModel):
    """Dropout and noise between two layers, on images of any size."""

    def __init__(self, data_preprocessor=None):
        super().__init__(data_preprocessor)
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Dropout(0.5), nn.Conv2d(8, 1, 3, 2))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return dict(loss=sum((self.layers(image / 255.0).mean() - torch.rand(())) ** 2 for image in inputs))


@HOOKS.register_module(force=True)
class AccidentHook(Hook):
    """Ends a training after an iteration that has no checkpoint yet."""

    def __init__(self, iteration=5):
        self.iteration = iteration

    def after_train_iter(self, runner, *args, **kwargs):
        if runner.iter + 1 == self.iteration:
            raise UserError('an accident')


def augmented_config(by_epoch=False, iterations=6, epochs=2, sampler=None, work_dir='run', **dataset):
    """Config of a training of so many iterations or epochs, with checkpoints every 3 or every epoch."""
    kind = sampler or ('DefaultSampler' if by_epoch else 'InfiniteSampler')
    checkpoint = dict(type='AtomicCheckpointHook', by_epoch=by_epoch, interval=1 if by_epoch else 3)
    config = toy_config(
        work_dir,
        iterations,
        custom_imports=dict(imports=['mmdet_panseg', 'augmented_run']),
        model=dict(type='DropoutModel'),
        train_dataloader=dict(
            dataset=dataset or dict(type='NoisyDataset'),
            sampler=dict(type=kind, shuffle=True),
            batch_size=2,
            num_workers=0,
        ),
        default_hooks=dict(checkpoint=checkpoint),
    )
    if by_epoch:
        config.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs)
    return config


def write_augmented_config(folder, mixed, **settings):
    """Write tiny scenes, one of which is broken, and a config of :func:`augmented_config` with them."""
    scenes = Path(folder, 'scenes')
    make_scenes(scenes, num_train=7, num_val=1, size=(48, 40), progress=False)
    broken = sorted((scenes / 'images' / 'train').iterdir())[2]
    broken.write_bytes(broken.read_bytes()[:-20])
    images = dict(
        type='CheckedCocoDataset',
        data_root=str(scenes),
        ann_file='annotations/instances_train.json',
        data_prefix=dict(img='images/train/'),
        pipeline=LOAD if mixed else [*LOAD, *AUGMENT],
    )
    mix = dict(type='PanopticCopyPaste', flip_prob=0.5, scale_range=(0.7, 1.3))
    data = dict(type='MultiImageMixDataset', dataset=images, pipeline=[mix, *AUGMENT]) if mixed else images
    path = Path(folder, 'augmented.py')
    path.write_text(augmented_config(**settings, work_dir=Path(folder, 'run'), **data).pretty_text)
    return path
