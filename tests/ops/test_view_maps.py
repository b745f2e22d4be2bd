from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from mmdet_panseg.ops import ViewMaps, binary_masks, cell_positions, maps_of_image, sampled_maps
from mmdet_panseg.ops.view_maps import MIRRORED_AXES

FLIPS = st.sampled_from(list(MIRRORED_AXES))
SIDES = st.tuples(st.integers(1, 30), st.integers(1, 30))


def random_view(count, crop, scale, flip=None, seed=0):
    shape = [-(-side // scale) + 1 for side in crop]
    values = torch.randn(count, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return ViewMaps(values, scale, crop, flip)


def slow_value(values, scale, y, x):
    """Bilinear value at a place in pixels of the view; beyond the outer centres values go on as they are."""
    near, far, parts = [], [], []
    for place, length in ((y, values.shape[0]), (x, values.shape[1])):
        cell = min(max(place / scale - 0.5, 0.0), length - 1.0)
        near.append(int(cell))
        far.append(min(int(cell) + 1, length - 1))
        parts.append(cell - int(cell))
    (y0, x0), (y1, x1), (v, u) = near, far, parts
    upper = (1 - u) * values[y0, x0] + u * values[y0, x1]
    lower = (1 - u) * values[y1, x0] + u * values[y1, x1]
    return (1 - v) * upper + v * lower


@settings(max_examples=30, deadline=None)
@given(SIDES, st.sampled_from([1, 2, 4]), FLIPS, st.tuples(st.integers(1, 6), st.integers(1, 6)), st.integers(0, 99))
def test_samples_are_interpolated_at_the_place_in_the_view(crop, scale, flip, counts, seed):
    view = random_view(2, crop, scale, flip, seed)
    generator = torch.Generator().manual_seed(seed)
    rows, columns = (torch.rand(count, generator=generator, dtype=torch.float64) for count in counts)
    found = sampled_maps(view, rows, columns)
    for row, y in enumerate(rows.tolist()):
        for column, x in enumerate(columns.tolist()):
            y_view = (1 - y if flip in ('vertical', 'diagonal') else y) * crop[0]
            x_view = (1 - x if flip in ('horizontal', 'diagonal') else x) * crop[1]
            for values, got in zip(view.values, found, strict=True):
                torch.testing.assert_close(got[row, column], slow_value(values, scale, y_view, x_view))


@settings(max_examples=30, deadline=None)
@given(SIDES, st.sampled_from([1, 2, 4]), st.integers(0, 3))
def test_samples_at_the_cells_are_the_values(crop, scale, count):
    view = random_view(count, crop, scale)
    rows, columns = cell_positions(view)
    expected = view.values[:, : len(rows), : len(columns)]
    assert len(rows) == -(-crop[0] // scale) and len(columns) == -(-crop[1] // scale)
    torch.testing.assert_close(sampled_maps(view, rows, columns), expected)


@settings(max_examples=30, deadline=None)
@given(SIDES, SIDES, st.sampled_from([1, 2, 4]), FLIPS)
def test_maps_are_enlarged_cropped_resized_and_mirrored(crop, size, scale, flip):
    view = random_view(3, crop, scale, flip)
    enlarged = F.interpolate(view.values[None], scale_factor=scale, mode='bilinear')[..., : crop[0], : crop[1]]
    expected = F.interpolate(enlarged, size=size, mode='bilinear')[0]
    for axis in MIRRORED_AXES[flip]:
        expected = expected.flip(axis)
    torch.testing.assert_close(maps_of_image(view, size), expected)


@settings(max_examples=30, deadline=None)
@given(SIDES, FLIPS, st.integers(0, 5))
def test_a_mirrored_view_with_padding_becomes_the_image(size, flip, padding):
    """What a network sees is mirrored first and padded at the bottom and right then."""
    image = torch.rand(2, *size, dtype=torch.float64)
    mirrored = F.pad(image.flip(MIRRORED_AXES[flip]), (0, padding, 0, padding), value=7.0)
    view = ViewMaps(mirrored, 1, size, flip)
    assert torch.equal(maps_of_image(view, size), image)
    torch.testing.assert_close(sampled_maps(view, *cell_positions(view)), image)


def test_bytes_are_probabilities():
    values = torch.tensor([0, 127, 128, 255], dtype=torch.uint8).view(1, 1, 4)
    masks = maps_of_image(ViewMaps(values, 1, (1, 4)), (1, 4))
    assert masks.min() > 0 and masks.max() < 1 and (masks > 0.5).flatten().tolist() == [False, False, True, True]
    assert maps_of_image(ViewMaps(values > 127, 1, (1, 4)), (1, 4)).flatten().tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize('budget', [1, 2**12, 2**26])
@pytest.mark.parametrize('count', [0, 1, 7])
def test_binary_masks_do_not_depend_on_the_chunks(count, budget, monkeypatch):
    largest, interpolate = [0], F.interpolate

    def spy(*args, **kwargs):
        result = interpolate(*args, **kwargs)
        largest.append(result.numel())
        return result

    monkeypatch.setattr(F, 'interpolate', spy)
    view = random_view(count, (13, 9), 4, 'horizontal')
    expected = maps_of_image(view, (20, 31)) > 0.1
    largest.clear()
    assert torch.equal(binary_masks(view, (20, 31), threshold=0.1, memory_budget=budget), expected)
    assert max(largest, default=0) * 8 <= max(budget, 20 * 31 * 8)
