"""The channels-last format, which mmcv's operations cannot read."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
from mmcv.cnn import build_conv_layer
from mmcv.ops import RoIAlign
from torch import nn

from mmdet_panseg.engine.hooks.channels_last_hook import ChannelsLastHook, to_channels_last


class RoIModel(nn.Module):
    """Convolutions before and after RoIAlign."""

    def __init__(self):
        super().__init__()
        self.before = nn.Conv2d(3, 8, 3, padding=1)
        self.align = RoIAlign(5, 1.0, 0)
        self.after = nn.Conv2d(8, 4, 3)

    def forward(self, images):
        rois = torch.tensor([[0, 1.0, 2.0, 9.0, 8.0], [1, 3.0, 0.0, 12.0, 11.0]])
        return self.after(self.align(self.before(images), rois))


def deformable_model():
    kinds = (None, 'DCN', 'DCNv2')
    layers = [
        build_conv_layer(kind and dict(type=kind), 8 if n else 3, 8, 3, padding=1) for n, kind in enumerate(kinds)
    ]
    model = nn.Sequential(*layers, nn.Conv2d(8, 4, 3))
    for layer in layers[1:]:
        nn.init.normal_(layer.conv_offset.weight, std=0.1)
    return model


@pytest.mark.parametrize('make', [RoIModel, deformable_model])
def test_operations_of_mmcv_give_the_same(make):
    model = make()
    other = to_channels_last(copy.deepcopy(model))
    images = torch.randn(2, 3, 13, 16)
    results = [net(images) for net in (model, other)]
    torch.testing.assert_close(results[1], results[0], atol=1e-5, rtol=1e-4)
    weights = torch.randn_like(results[0])
    for result in results:
        (result * weights.to(memory_format=torch.channels_last)).sum().backward()
    for (name, one), two in zip(model.named_parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(
            two.grad, one.grad, atol=1e-3, rtol=1e-3, msg=lambda text, name=name: f'{name}: {text}'
        )


def test_other_modules_are_channels_last():
    model = to_channels_last(deformable_model())
    assert [layer.weight.is_contiguous(memory_format=torch.channels_last) for layer in model] == [
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize('loop', ['train', 'test'])
def test_weights_are_drawn_in_the_default_format(loop):
    """A convolution that is converted first gets its random numbers in another order."""
    hook, model = ChannelsLastHook(), nn.Conv2d(3, 8, 3)
    runner = SimpleNamespace(model=model)
    hook.before_run(runner)
    assert model.weight.is_contiguous()
    getattr(hook, f'before_{loop}')(runner)
    assert model.weight.is_contiguous(memory_format=torch.channels_last) and not model.weight.is_contiguous()
