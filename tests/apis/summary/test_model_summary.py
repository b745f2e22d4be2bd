"""Figures of models against counts by hand, and against mmengine's."""

from __future__ import annotations

import io

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.analysis import get_model_complexity_info
from mmengine.config import Config
from mmengine.model import BaseModel
from rich.console import Console
from torch import nn

from mmdet_panseg.apis.summary import summarise_model, summary_table
from mmdet_panseg.engine import ConfigError
from panoptic_solo_cases import PANOPTIC, SOLO, build


@MODELS.register_module(force=True)
class SummaryToy(BaseModel):
    """A convolution, a grouped one, and a linear layer on the mean; with ``picky`` it needs values on the way."""

    def __init__(self, picky=False, data_preprocessor=None):
        super().__init__()
        self.picky = picky
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU())
        self.grouped = nn.Conv2d(8, 4, 1, groups=2, bias=False)
        self.linear = nn.Linear(4, 5)
        self.linear.weight.requires_grad = False

    def forward(self, inputs, data_samples=None, mode='tensor'):
        features = self.grouped(self.body(inputs))
        if self.picky and features.sum().item() == 1e9:
            raise AssertionError
        return self.linear(features.mean(dim=(2, 3)))


def summary(size=(32, 48), depth=2, pipeline=(), **model):
    settings = dict(type='SummaryToy', **model)
    return summarise_model(
        Config(dict(model=settings, test_dataloader=dict(dataset=dict(pipeline=pipeline)))), size, depth
    )


@pytest.mark.parametrize('picky', [False, True])
def test_counts_by_hand(picky):
    found = summary(picky=picky)
    rows = {row.name: row for row in found.modules}
    assert list(rows) == ['', 'body', 'body.0', 'grouped', 'linear']
    assert {name: row.parameters for name, row in rows.items()} == {
        **{'': 224 + 16 + 25, 'body': 224, 'body.0': 3 * 8 * 9 + 8},
        **{'grouped': 4 * 4, 'linear': 4 * 5 + 5},
    }
    assert rows['linear'].trained == 5 and rows[''].trained == 224 + 16 + 5
    cells = 16 * 24
    assert rows['body.0'].multiply_adds == rows['body'].multiply_adds == cells * 8 * 27
    assert rows['grouped'].multiply_adds == cells * 4 * 4
    assert rows['linear'].multiply_adds == 4 * 5
    assert rows[''].multiply_adds == cells * (8 * 27 + 16) + 20
    # The convolution keeps the input, the ReLU its result, which the grouped one keeps as well.
    assert rows['body.0'].kept_bytes == 4 * 3 * 32 * 48
    assert rows['body'].kept_bytes == 4 * (3 * 32 * 48 + 8 * cells)
    assert found.parameter_bytes == 4 * (224 + 16 + 25)
    # Before and after the ReLU.
    assert found.peak_bytes == 4 * 2 * 8 * cells


def test_tensors_that_are_freed_do_not_count():
    class Chain(SummaryToy):
        def forward(self, inputs, data_samples=None, mode='tensor'):
            for _ in range(10):
                inputs = inputs + 1
            return inputs

    MODELS.register_module(name='SummaryChain', module=Chain, force=True)
    found = summarise_model(Config(dict(model=dict(type='SummaryChain'))), (16, 16))
    assert found.peak_bytes == 2 * 4 * 3 * 16 * 16


@pytest.mark.parametrize('settings', [SOLO, PANOPTIC], ids=['solo', 'panoptic'])
@pytest.mark.parametrize('size', [(64, 96), (50, 70)])
def test_convolutions_of_a_panoptic_model(settings, size):
    found = summarise_model(Config(dict(model=settings)), size)
    model = build(settings).eval()
    counts = {}

    def count(name):
        def hook(conv, inputs, output):
            weights = conv.weight[0].numel()
            counts[name] = counts.get(name, 0) + output.numel() * weights

        return hook

    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count(name))
    padded = tuple(side + -side % 32 for side in size)
    assert found.size == padded
    with torch.no_grad():
        model(torch.zeros(1, 3, *padded), None, mode='tensor')
    rows = {row.name: row for row in found.modules}
    assert rows[''].parameters == sum(parameter.numel() for parameter in model.parameters())
    for part in ('backbone', 'neck', 'mask_head'):
        wanted = sum(number for name, number in counts.items() if name.startswith(f'{part}.'))
        assert rows[part].multiply_adds == wanted > 0
    assert rows['backbone'].kept_bytes > 0 and rows[''].kept_bytes > found.peak_bytes / 4


def test_the_same_as_mmengine():
    toy = SummaryToy().eval()
    theirs = get_model_complexity_info(toy, (3, 32, 48), show_table=False, show_arch=False)
    ours = summary().modules[0]
    assert theirs['flops'] == ours.multiply_adds
    assert theirs['params'] == ours.parameters


def test_depth():
    assert [row.name for row in summary(depth=0).modules] == ['']
    assert [row.name for row in summary(depth=1).modules] == ['', 'body', 'grouped', 'linear']


def test_the_size_is_that_of_the_test_pipeline():
    found = summary(None, pipeline=[dict(type='Resize', scale=(96, 64), keep_ratio=True)])
    assert found.size == (64, 96)
    with pytest.raises(ConfigError, match='--size: the test pipeline'):
        summary(None)


@pytest.mark.parametrize('size, depth, message', [((0, 5), 1, '--size 0 5'), ((5, 5), -1, '--depth -1')])
def test_what_cannot_be_is_an_error(size, depth, message):
    with pytest.raises(ConfigError, match=message):
        summary(size, depth)


def test_the_table():
    console = Console(width=140, file=io.StringIO(), record=True)
    console.print(summary_table(summary(size=(320, 480))))
    text = console.export_text()
    assert '480×320' in text and 'SummaryToy' in text and f'{160 * 240 * 8 * 27 / 1e9:.3f}' in text
