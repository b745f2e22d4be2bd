"""Dynamic kernels that know where their cell is."""

from __future__ import annotations

import copy

import pytest
import torch

from head_checks import assert_mixed_precision_predicts, assert_mixed_precision_trains, losses_with_gradients
from mmdet_panseg.models import SparseSOLOV2Head
from mmdet_panseg.models.heads.cell_masks.ellipse_position import EllipsePosition
from mmdet_panseg.ops import add_ellipses
from solo_cases import pyramid, random_samples
from solo_v2_cases import V2, ours

POSITION = dict(type='EllipsePosition')


def part_of_level(head, features, level):
    pyramid_ = head.align(features)
    mask_features = head.mask_features(pyramid_.pyramid)
    kernels = head.kernels(pyramid_.levels[level], level).flatten(2).transpose(1, 2)
    return head._dynamic_masks(kernels[0], mask_features[0])


@pytest.mark.parametrize('dynamic_conv_size', [1, 3])
def test_masks_are_those_without_it_plus_ellipses(dynamic_conv_size):
    head = ours(torch.float64, position=POSITION, dynamic_conv_size=dynamic_conv_size)
    level, features = 1, pyramid(1, 96, 160, dtype=torch.float64)
    part, grid = part_of_level(head, features, level), head.num_grids[level]
    cells = torch.arange(grid * grid)
    centers = torch.tensor([[(j + 0.5) * 160 / grid, (i + 0.5) * 96 / grid] for i in range(grid) for j in range(grid)])
    found = head.cell_logits(part, level, cells)
    bare = copy.deepcopy(head)
    bare.position = None
    expected = add_ellipses(
        bare.cell_logits(part_of_level(bare, features, level), level, cells),
        part.positions,
        centers.double(),
        head.position.radii[level],
        4,
    )
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3)  # centres are float32


@pytest.mark.parametrize('counts', [[5, 0, 9], [0, 0]])
def test_every_parameter_learns(counts):
    head = ours(position=POSITION)
    samples = random_samples(7, counts, (96, 128), (96, 128))
    losses, gradients = losses_with_gradients(head, pyramid(len(counts), 96, 128), samples)
    assert (losses['loss_mask'] > 0) == any(counts)
    for name, gradient in gradients.items():
        assert gradient is not None and torch.isfinite(gradient).all(), name
    assert (gradients['position.conv.weight'] != 0).any() == any(counts)


def test_masks_start_as_discs_around_their_cells():
    head = SparseSOLOV2Head(**copy.deepcopy(V2), position=POSITION)
    head.init_weights()
    level, features = 0, pyramid(1, 128, 128)
    grid, radius = head.num_grids[level], head.position.radii[level]
    middle = torch.tensor([grid // 2 * grid + grid // 2])
    with torch.no_grad():
        mask = head.cell_logits(part_of_level(head, features, level), level, middle)[0] > 0
    center = (grid // 2 + 0.5) * 128 / grid
    rows, columns = torch.meshgrid(*[(torch.arange(32) + 0.5) * 4] * 2, indexing='ij')
    disc = (rows - center) ** 2 + (columns - center) ** 2 < radius**2
    assert disc.any() and (mask & disc).sum() / (mask | disc).sum() > 0.8


def test_radii_follow_from_the_scale_ranges():
    """An open range counts with two octaves."""
    position = EllipsePosition(8, ((1, 96), (48, 192), (384, 2048)))
    assert position.radii == pytest.approx([24, 48, 384])


def test_mixed_precision_on_the_cpu():
    features, samples = pyramid(2, 96, 128), random_samples(5, [6, 3], (96, 128), (96, 128))
    assert_mixed_precision_trains(ours(position=POSITION), features, samples)
    assert_mixed_precision_predicts(ours(position=POSITION), features, samples)
