"""What torch records of a model, and its translation, for sizes beside those of the recording."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from export_cases import FAMILIES, build, smallest
from mmdet_panseg.apis.export.graph import DetectorGraph
from mmdet_panseg.apis.export.tracing import FreeSizes, capture, translate
from mmdet_panseg.ops import ViewMaps, averaged_argmax, upsampled_convolution

FREE = torch.export.Dim.DYNAMIC


@pytest.mark.parametrize('family', FAMILIES)
@torch.no_grad()
def test_recording_of_every_family_equals_its_graph(family):
    graph = DetectorGraph(build(family, config=smallest(family))).eval()
    recorded = capture(graph).module(check_guards=False)
    for blocks, sizes in (((3, 2), (95, 41, 99, 81)), ((2, 6), (64, 192, 64, 192))):
        image = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 3, blocks[0], 32, blocks[1], 32))).float()
        expected = graph(image, *sizes)
        assert len(expected[0]) > 3
        for found, wanted in zip(recorded(image, *sizes), expected, strict=True):
            torch.testing.assert_close(found, wanted)


class Parts(torch.nn.Module):
    """What has gone wrong, or easily does, between torch and ONNX."""

    def __init__(self, channels):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(5, channels, 3, 3))

    def forward(self, maps, height, width):
        values, best = averaged_argmax([SixteenMaps(maps, 4, (height, width))], size=(height, width), memory_budget=0)
        cells = maps[:, : -(-height // 4), : -(-width // 4)]
        chosen = (maps[:5].amax(dim=(1, 2)) > 2).nonzero()[:, 0]
        lines = upsampled_convolution(maps, self.weight, None, chosen, memory_budget=None)
        numbers = torch.tensor([1, -1]) * height
        return values, best, cells, lines, numbers // 7, numbers % 7


class SixteenMaps(ViewMaps):
    def per_chunk(self, size, memory_budget):
        return 16


@torch.no_grad()
def test_translation_of_parts_gives_their_numbers():
    onnxruntime = pytest.importorskip('onnxruntime')
    pytest.importorskip('onnxscript')
    torch.manual_seed(0)
    parts = Parts(channels=37)
    sizes = ({1: FREE, 2: FREE}, FREE, FREE)
    with FreeSizes():
        program = torch.export.export(parts, (torch.zeros(37, 9, 11), 34, 42), dynamic_shapes=sizes, strict=False)
    names = ['values', 'best', 'cells', 'lines', 'quotients', 'remainders']
    model = translate(program, ['maps', 'height', 'width'], names)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])
    for size in ((9, 17), (12, 16), (31, 2)):
        # Halves make ties.
        maps = (2 * torch.randn(37, 8, 5)).round() / 2
        scalars = dict(height=np.array(size[0]), width=np.array(size[1]))
        found = session.run(names, dict(maps=maps.numpy(), **scalars))
        for name, one, other in zip(names, found, parts(maps, *size), strict=True):
            assert one.shape == other.shape, name
            torch.testing.assert_close(torch.from_numpy(one), other)


class BitsOfFloats(torch.nn.Module):
    def forward(self, values):
        return values.view(torch.int32)


def test_only_bools_are_looked_at_as_bytes():
    pytest.importorskip('onnxscript')
    with pytest.raises(Exception, match='FLOAT looked at as INT32'):
        translate(torch.export.export(BitsOfFloats(), (torch.zeros(3),)), ['values'], ['bits'])
