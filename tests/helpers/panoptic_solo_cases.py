"""A small panoptic model and samples for its tests."""

from __future__ import annotations

import copy

import numpy as np
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.utils import register_all_modules
from mmengine.config import ConfigDict
from mmengine.structures import PixelData

from solo_cases import STOCK, random_masks, sample

THINGS, STUFF, VOID = 4, 3, 255
SOLO = ConfigDict(
    type='SOLO',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[127.0] * 3,
        std=[64.0] * 3,
        pad_mask=True,
        pad_seg=True,
        pad_size_divisor=32,
    ),
    backbone=dict(type='ResNet', depth=18, base_channels=8, frozen_stages=-1, norm_eval=False),
    neck=dict(type='FPN', in_channels=[8, 16, 32, 64], out_channels=8, num_outs=5),
    mask_head=dict(type='SparseSOLOHead', **{key: value for key, value in STOCK.items() if key != 'test_cfg'}),
    test_cfg={**STOCK['test_cfg'], 'mask_thr': 0.7},
)
PANOPTIC = ConfigDict(
    {
        **SOLO,
        'type': 'PanopticSOLO',
        'semantic_head': dict(
            type='SemanticFPNHead',
            num_things=THINGS,
            num_stuff=STUFF,
            in_channels=8,
            channels=8,
            norm_cfg=dict(type='GN', num_groups=2, requires_grad=True),
        ),
        'fusion_head': dict(
            type='PanopticSOLOFusionHead',
            num_things=THINGS,
            num_stuff=STUFF,
            score_thr=0.1,
            min_visible=0.1,
            min_stuff_area=20,
        ),
    }
)


def changed(config, **changes):
    """A copy of a config with values of its parts changed, and with parts that are None left out."""
    config = copy.deepcopy(config)
    for key, value in changes.items():
        if isinstance(value, dict):
            config[key].update(value)
        else:
            config.pop(key)
            assert value is None
    return config


def build(config):
    """The model with random weights that give candidates and several classes in testing."""
    register_all_modules()
    model = MODELS.build(copy.deepcopy(config))
    for head in (model.mask_head, getattr(model, 'semantic_head', None)):
        if head is not None:
            for parameter in head.parameters():
                if parameter.dim() > 1:
                    torch.nn.init.normal_(parameter, std=0.3)
    if model.mask_head is not None:
        torch.nn.init.constant_(model.mask_head.conv_cls.bias, -1.0)
    if getattr(model, 'semantic_head', None) is not None:
        # Features are positive: without this one class would be best everywhere.
        weight = model.semantic_head.conv_logits.weight.data
        weight -= weight.mean(dim=1, keepdim=True)
    return model


def training_batch(counts, sizes, void_only=False, seed=0):
    """What a data loader gives: images, objects and semantic maps with void where no class was drawn."""
    rng = np.random.default_rng(seed)
    inputs, samples = [], []
    for count, size in zip(counts, sizes, strict=True):
        masks, labels = random_masks(rng, count, *size), rng.integers(0, THINGS, count)
        semantic_map = rng.choice([VOID, *range(THINGS, THINGS + STUFF)], (1, -(-size[1] // 16))).astype(np.uint8)
        semantic_map = semantic_map.repeat(16, axis=1)[:, : size[1]].repeat(size[0], axis=0)
        for mask, label in zip(masks, labels, strict=True):
            semantic_map[mask > 0] = label
        if void_only:
            semantic_map[:] = VOID
        data_sample = sample(masks, labels, size, size)
        data_sample.gt_sem_seg = PixelData(sem_seg=torch.from_numpy(semantic_map)[None])
        inputs.append(torch.from_numpy(rng.integers(0, 256, (3, *size), np.uint8)))
        samples.append(data_sample)
    return dict(inputs=inputs, data_samples=samples)


def unlabelled_batch(sizes, original_sizes, seed=0):
    """Images without ground truth."""
    rng = np.random.default_rng(seed)
    samples = [
        DetDataSample(metainfo=dict(img_id=index, img_shape=size, ori_shape=original))
        for index, (size, original) in enumerate(zip(sizes, original_sizes, strict=True))
    ]
    return dict(inputs=[torch.from_numpy(rng.integers(0, 256, (3, *s), np.uint8)) for s in sizes], data_samples=samples)
