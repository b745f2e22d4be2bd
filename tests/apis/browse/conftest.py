"""A data set of small scenes and configs that train on it."""

from __future__ import annotations

import json

import pytest
from mmengine.config import Config

import mmdet_panseg  # noqa: F401, registers the parts of the configs
from mmdet_panseg.datasets.scenes import STUFF_CLASSES, THING_CLASSES, make_scenes

THINGS, STUFF = len(THING_CLASSES), len(STUFF_CLASSES)
SIZE = (80, 112)
FLIP = [dict(type='RandomFlip', prob=0.5), dict(type='RandomResize', scale=[(90, 90), (140, 140)], keep_ratio=True)]


@pytest.fixture(scope='session')
def small_scenes(tmp_path_factory):
    root = tmp_path_factory.mktemp('scenes') / 'data'
    make_scenes(root, num_train=6, num_val=2, size=SIZE[::-1], seed=3)
    path = root / 'annotations/panoptic_train.json'
    content = json.loads(path.read_text())
    for record in content['annotations'][:4]:
        # Things have the first categories.
        things = [segment for segment in record['segments_info'] if segment['category_id'] <= THINGS]
        for segment in things[:1]:
            segment['iscrowd'] = 1
    path.write_text(json.dumps(content))
    return root


@pytest.fixture
def make_config(small_scenes, tmp_path):
    """Give a config of panoptic training with these steps between loading and ``FixClassGT``."""

    def make(steps=FLIP, batch_size=2, rgb=True, panoptic=True, **head):
        load = (
            [dict(type='LoadPanopticSegments')]
            if panoptic
            else [dict(type='LoadAnnotations', with_bbox=True, with_mask=True)]
        )
        kind = 'panoptic' if panoptic else 'instances'
        prefix = dict(img='images/train/', **(dict(seg='annotations/panoptic_train/') if panoptic else {}))
        dataset = dict(
            type='CheckedCocoPanopticDataset' if panoptic else 'CheckedCocoDataset',
            data_root=str(small_scenes),
            ann_file=f'annotations/{kind}_train.json',
            data_prefix=prefix,
            pipeline=[
                dict(type='LoadCheckedImage'),
                *load,
                *steps,
                dict(type='FixClassGT'),
                dict(type='PackPanopticInputs'),
            ],
        )
        norm = dict(type='GN', num_groups=4)
        semantic = dict(
            semantic_head=dict(
                type='SemanticFPNHead', num_things=THINGS, num_stuff=STUFF, in_channels=8, channels=8, norm_cfg=norm
            )
        )
        return Config(
            dict(
                default_scope='mmdet',
                work_dir=str(tmp_path / 'run'),
                train_dataloader=dict(
                    batch_size=batch_size,
                    num_workers=1,
                    persistent_workers=True,
                    sampler=dict(type='InfiniteSampler', shuffle=True),
                    dataset=dataset,
                ),
                train_cfg=dict(type='IterBasedTrainLoop', max_iters=2),
                optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.0)),
                model=dict(
                    type='PanopticSOLO',
                    data_preprocessor=dict(
                        type='DetDataPreprocessor',
                        mean=[123.7, 116.3, 103.5],
                        std=[58.4, 57.1, 57.4],
                        bgr_to_rgb=rgb,
                        pad_size_divisor=32,
                        pad_mask=True,
                        pad_seg=True,
                    ),
                    backbone=dict(type='ResNet', depth=18, base_channels=8),
                    neck=dict(type='FPN', in_channels=[8, 16, 32, 64], out_channels=8, num_outs=5),
                    mask_head={
                        **dict(type='SparseSOLOHead', num_classes=THINGS, in_channels=8, feat_channels=8),
                        **dict(stacked_convs=1, num_grids=[20, 12, 8, 6, 4], strides=[8, 8, 16, 32, 32]),
                        **dict(scale_ranges=((4, 20), (14, 40), (30, 80), (60, 160), (120, 512)), norm_cfg=norm),
                        **head,
                    },
                    **(semantic if panoptic else {}),
                ),
            )
        )

    return make
