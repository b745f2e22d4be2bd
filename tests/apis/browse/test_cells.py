"""Why objects get no cell."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmdet.models import SOLOHead
from torch import nn

from mmdet_panseg.apis.browse import CellAssigner
from mmdet_panseg.models import SparseSOLOHead
from solo_cases import STOCK, discs, pyramid, random_samples, sample

SIZE = (96, 128)


class Detector(nn.Module):
    """A head on features of the right sizes."""

    def __init__(self, kind=SparseSOLOHead, **overrides):
        super().__init__()
        self.mask_head = kind(**{**STOCK, **overrides})

    def extract_feat(self, inputs):
        return pyramid(len(inputs), *inputs.shape[2:])


def assigned(masks, **overrides):
    found = CellAssigner(Detector(**overrides))(sample(masks, [0] * len(masks), SIZE, SIZE))
    return found


def test_each_reason():
    small, large = np.zeros((2, 1, *SIZE), np.uint8)
    small[:, 5:7, 5:7] = 1
    large[:, :90, :120] = 1
    twice = discs([(40, 60), (40, 60)])
    empty = np.zeros((1, *SIZE), np.uint8)
    reasons = assigned(np.concatenate([small, large, empty]), scale_ranges=((4, 8), (20, 30)) + ((20, 30),) * 3)
    assert '2.0 pixels is below all scale_ranges, which begin at 4' in reasons.without_cell[0]
    assert '103.9 pixels is above all scale_ranges, which end at 30' in reasons.without_cell[1]
    assert reasons.without_cell[2] == 'its mask has no pixel'
    reasons = assigned(twice, scale_ranges=((1, 8), (40, 60)) + ((40, 60),) * 3).without_cell
    assert 'falls between' in reasons[0]
    reasons = assigned(twice).without_cell
    assert list(reasons) == [0] and 'went to #1' in reasons[0]


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('kind', [SparseSOLOHead, SOLOHead])
def test_every_object_has_cells_or_a_reason(seed, kind):
    (one,) = random_samples(seed, [12], SIZE, SIZE)
    found = CellAssigner(Detector(kind))(one)
    owners = set(np.concatenate([level.objects for level in found.levels]).tolist())
    assert owners | set(found.without_cell) == set(range(12)) and not owners & set(found.without_cell)
    assert all(((level.cells >= 0) & (level.cells < level.grid**2)).all() for level in found.levels)


def test_an_unpadded_grid_covers_the_image_alone():
    one = sample(discs([(40, 60)]), [0], (96, 100), SIZE)
    found = CellAssigner(Detector(assigner=dict(type='SOLOGridAssigner', grid='unpadded')))(one)
    assert found.covered == (96, 100)
    assert CellAssigner(Detector())(one).covered == SIZE


def test_sizes_that_strides_do_not_divide_are_those_of_the_head():
    size = (97, 137)
    (one,) = random_samples(0, [5], size, size)
    head = Detector().mask_head
    levels = head.align(pyramid(1, *size)).levels
    padded = tuple(side * head.level_strides[0] for side in levels[0].shape[-2:])
    _, (cells,) = head.assign(padded, [one])
    found = CellAssigner(Detector())(one)
    assert found.covered == padded != size
    assert sum(len(level.cells) for level in found.levels) == len(cells.cells)
    assert torch.equal(torch.from_numpy(np.concatenate([level.objects for level in found.levels])), cells.objects)
