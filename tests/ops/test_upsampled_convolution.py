from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmdet_panseg.ops import upsampled_convolution


@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('channels', [[], [0], [6, 2, 2, 0, 5]])
@pytest.mark.parametrize('size', [(1, 1), (1, 6), (5, 9)])
@pytest.mark.parametrize('memory_budget', [1, 2**26, None])
def test_channels_equal_those_of_the_convolution_after_the_resize(bias, channels, size, memory_budget):
    conv = nn.Conv2d(4, 7, 3, padding=1, bias=bias).double()
    features = torch.randn(1, 4, *size, dtype=torch.float64, requires_grad=True)
    expected = conv(F.interpolate(features, scale_factor=2, mode='bilinear'))[0, channels]

    index = torch.tensor(channels, dtype=torch.long)
    maps = upsampled_convolution(features[0], conv.weight, conv.bias, index, memory_budget=memory_budget)

    torch.testing.assert_close(maps, expected)
    weights = torch.randn_like(maps)
    inputs = [features, *conv.parameters()]
    gradients = torch.autograd.grad((maps * weights).sum(), inputs, materialize_grads=True)
    for one, other in zip(gradients, torch.autograd.grad((expected * weights).sum(), inputs), strict=True):
        torch.testing.assert_close(one, other)


def test_half_precision_is_added_up_in_single_precision():
    features, weight = torch.randn(16, 6, 5, dtype=torch.bfloat16), torch.randn(3, 16, 3, 3, dtype=torch.bfloat16)
    maps = upsampled_convolution(features, weight, None, torch.tensor([2, 0]))
    assert maps.dtype == torch.float32
    upsampled = F.interpolate(features[None].float(), scale_factor=2, mode='bilinear')
    expected = F.conv2d(upsampled, weight[[2, 0]].float(), padding=1)[0]
    torch.testing.assert_close(maps, expected, rtol=0.02, atol=0.2)


def test_nothing_is_kept_at_the_upsampled_resolution():
    features, weight = torch.randn(2, 9, 9, requires_grad=True), torch.randn(5, 2, 3, 3, requires_grad=True)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.numel()) or tensor, lambda t: t):
        upsampled_convolution(features, weight, torch.zeros(5), torch.arange(5))
    assert max(kept) == features.numel()
