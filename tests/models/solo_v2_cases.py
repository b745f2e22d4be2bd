"""Heads with dynamic kernels, features and objects for the tests of SOLOv2's head."""

import copy
import sys
from pathlib import Path

import numpy as np
import torch
from mmdet.models import SOLOV2Head
from mmengine.config import ConfigDict

sys.path.insert(0, str(Path(__file__).parent))
from solo_cases import STOCK, sample  # noqa: E402

from mmdet_panseg.models import SparseSOLOV2Head  # noqa: E402

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


def losses_with_gradients(head, features, samples):
    features = [feature.detach().clone().requires_grad_() for feature in features]
    head.zero_grad(set_to_none=True)
    losses = head.loss(tuple(features), copy.deepcopy(samples))
    sum(losses.values()).backward()
    gradients = {name: parameter.grad for name, parameter in head.named_parameters()}
    gradients.update({f'features.{level}': feature.grad for level, feature in enumerate(features)})
    return dict(losses), gradients


def assert_same_training(result, expected, **tolerance):
    """Where mmdet has no gradient ours is zero."""
    (losses, gradients), (expected_losses, expected_gradients) = result, expected
    assert losses.keys() == expected_losses.keys()
    for name in losses:
        torch.testing.assert_close(losses[name], expected_losses[name], **tolerance)
    for name, gradient in gradients.items():
        assert gradient is not None, f'{name} has no gradient'
        reference = expected_gradients[name]
        reference = torch.zeros_like(gradient) if reference is None else reference
        torch.testing.assert_close(gradient, reference, msg=name, **tolerance)


def discs(centers, radius=14, size=(96, 128)):
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.stack([(rows - y) ** 2 + (columns - x) ** 2 <= radius**2 for y, x in centers]).astype(np.uint8)


def disc_sample(centers, labels, **kwargs):
    return sample(discs(centers, **kwargs), labels, (96, 128), (96, 128))
