"""The pyramid with one more convolution, against mmdet's parts put together."""

from __future__ import annotations

import pytest
import torch
from mmdet.registry import MODELS

from mmdet_panseg.models import ConvolvedFPN

FPN = dict(in_channels=[4, 6, 8], out_channels=5)


@pytest.mark.parametrize('num_outs', [3, 5])
def test_equals_fpn_followed_by_convolutions(num_outs):
    neck = ConvolvedFPN(**FPN, num_outs=num_outs)
    plain = MODELS.build(dict(type='FPN', **FPN, num_outs=num_outs))
    result = plain.load_state_dict(neck.state_dict(), strict=False)
    assert not result.missing_keys
    inputs = [torch.rand(2, channels, 12 // 2**level, 20 // 2**level) for level, channels in enumerate((4, 6, 8))]
    found = neck(inputs)
    assert len(found) == num_outs
    for conv, level, expected in zip(neck.top_convs, found, plain(inputs), strict=True):
        expected = torch.conv2d(expected, conv.conv.weight, conv.conv.bias, padding=1).clamp(min=0)
        torch.testing.assert_close(level, expected)


def test_every_parameter_learns():
    neck = ConvolvedFPN(**FPN, num_outs=5)
    neck.init_weights()
    levels = neck([torch.rand(1, channels, 16 // 2**level, 16 // 2**level) for level, channels in enumerate((4, 6, 8))])
    sum(level.square().sum() for level in levels).backward()
    assert all(parameter.grad is not None for parameter in neck.parameters())
