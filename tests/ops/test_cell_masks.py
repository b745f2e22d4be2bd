from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmdet_panseg.ops import (
    align_pyramid,
    aligned_strides,
    cell_mask_logits,
    coordinate_channels,
    masks_per_chunk,
    resize_masks,
)


@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('cells', [[], [0], [8, 3, 3, 0]])
@pytest.mark.parametrize('size', [(1, 1), (5, 9)])
def test_logits_equal_channels_of_the_convolution_after_the_resize(bias, cells, size):
    conv = nn.Conv2d(6, 9, 1, bias=bias).double()
    features = torch.randn(1, 6, *size, dtype=torch.float64, requires_grad=True)
    expected = conv(F.interpolate(features, scale_factor=2, mode='bilinear'))[0, cells]
    logits = cell_mask_logits(features[0], conv.weight, conv.bias, torch.tensor(cells, dtype=torch.long))
    resized = resize_masks(logits, (2 * size[0], 2 * size[1]))
    torch.testing.assert_close(resized, expected)
    weights = torch.randn_like(resized)
    for one, other in zip(
        torch.autograd.grad((resized * weights).sum(), [features, conv.weight], retain_graph=True),
        torch.autograd.grad((expected * weights).sum(), [features, conv.weight]),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_resize_to_the_same_size_is_free():
    masks = torch.rand(2, 4, 5)
    assert resize_masks(masks, (4, 5)) is masks


def test_chunks_hold_at_least_one_mask():
    assert masks_per_chunk((1000, 1000), budget=10) == 1
    assert masks_per_chunk((10, 10), budget=16000, copies=4, itemsize=4) == 10


@pytest.mark.parametrize('size', [(1, 1), (1, 7), (6, 4)])
def test_coordinates_equal_those_of_mmdet(size):
    from mmdet.models.utils import generate_coordinate

    features = torch.randn(2, 3, *size)
    result = coordinate_channels(features)
    assert torch.equal(result[:, :3], features)
    assert torch.equal(result[:, 3:], generate_coordinate(features.shape, 'cpu'))
    for axis, channel in (('x', 3), ('y', 4)):
        assert torch.equal(coordinate_channels(features, axis), result[:, [0, 1, 2, channel]])


def test_alignment_moves_the_outer_levels_only():
    features = [torch.randn(1, 2, 64 // 2**level, 96 // 2**level) for level in range(5)]
    aligned = align_pyramid(features)
    assert [tuple(level.shape[-2:]) for level in aligned] == [(32, 48), (32, 48), (16, 24), (8, 12), (8, 12)]
    torch.testing.assert_close(aligned[0], F.avg_pool2d(features[0], 2))
    assert all(aligned[level] is features[level] for level in (1, 2, 3))


@pytest.mark.parametrize('strides', [(4, 8, 16, 32, 64), (8, 8, 16, 32, 32)])
def test_strides_after_the_alignment(strides):
    assert aligned_strides(strides) == [8, 8, 16, 32, 32]
