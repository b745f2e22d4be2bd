"""Heads with dynamic kernels, features and objects for the tests of SOLOv2's head."""

from __future__ import annotations

import copy
from functools import partial

import torch
from mmdet.models import SOLOV2Head
from mmengine.config import ConfigDict

import head_checks
from mmdet_panseg.models import SparseSOLOV2Head  # noqa: E402
from solo_cases import STOCK, discs, sample

NORM = dict(type='GN', num_groups=2, requires_grad=True)
V2 = dict(
    **STOCK,
    mask_feature_head=ConfigDict(
        feat_channels=8, start_level=0, end_level=3, out_channels=6, mask_stride=4, norm_cfg=NORM
    ),
)


def fill(head, class_bias=-1.0):
    """Random weights that give candidates in testing."""
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    torch.nn.init.normal_(head.conv_kernel.weight, std=1.0)
    for module in head.conv_cls.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.constant_(module.bias, class_bias)
    return head


def ours(dtype=torch.float32, **overrides):
    return fill(SparseSOLOV2Head(**copy.deepcopy({**V2, **overrides}))).to(dtype)


def pair_of_heads(dtype=torch.float32, mmdet_arithmetic=True, **overrides):
    """mmdet's head and ours with the same weights."""
    arguments = {**V2, **overrides}
    dense = fill(SOLOV2Head(**copy.deepcopy(arguments)))
    sparse = SparseSOLOV2Head(**copy.deepcopy(arguments), mmdet_arithmetic=mmdet_arithmetic)
    assert list(sparse.state_dict()) == list(dense.state_dict())
    sparse.load_state_dict(dense.state_dict(), strict=True)
    return dense.to(dtype), sparse.to(dtype)


# Where mmdet has no gradient ours is zero.
assert_same_training = partial(head_checks.assert_same_training, absent_is_zero=True)


def disc_sample(centers, labels, **kwargs):
    return sample(discs(centers, **kwargs), labels, (96, 128), (96, 128))
