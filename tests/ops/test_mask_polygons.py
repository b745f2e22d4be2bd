"""Polygons of masks, filled again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as mask_utils

from mmdet_panseg.ops import join_rings, mask_parts, ring_area


def filled(rings, size):
    """Pixels whose centre is inside an odd number of rings, by a ray to the left."""
    inside = np.zeros(size, bool)
    for row in range(size[0]):
        for column in range(size[1]):
            x, y = column + 0.5, row + 0.5
            for ring in rings:
                for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
                    if (y0 > y) != (y1 > y) and x0 + (y - y0) / (y1 - y0) * (x1 - x0) < x:
                        inside[row, column] ^= True
    return inside


def rings_of(mask, tolerance=0.0):
    return [ring for part in mask_parts(mask, tolerance) for ring in (part.outline, *part.holes)]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 9), st.floats(0.1, 1))
def test_filled_polygons_are_the_mask(seed, height, width, share):
    mask = np.random.default_rng(seed).random((height, width)) < share
    rings = rings_of(mask)
    assert np.array_equal(filled(rings, mask.shape), mask)
    if rings:
        joined = join_rings(rings)
        assert np.array_equal(filled([joined], mask.shape), mask)
        assert abs(ring_area(joined)) == mask.sum()


@pytest.mark.parametrize('seed', range(20))
def test_coco_fills_them_with_the_mask(seed):
    rng = np.random.default_rng(seed)
    mask = rng.random((rng.integers(1, 40), rng.integers(1, 40))) < rng.random()
    mask[0, 0] = True
    polygons = [join_rings([part.outline, *part.holes]).flatten().tolist() for part in mask_parts(mask)]
    whole = mask_utils.decode(mask_utils.merge(mask_utils.frPyObjects(polygons, *mask.shape)))
    assert np.array_equal(whole, mask)


def test_parts_touch_at_corners_and_holes_at_edges():
    mask = np.array([[1, 0, 0, 1, 1, 1], [0, 1, 0, 1, 0, 1], [0, 0, 0, 1, 1, 1]], bool)
    parts = sorted(mask_parts(mask), key=lambda part: part.outline[:, 0].min())
    assert [len(part.holes) for part in parts] == [0, 1]
    assert parts[1].holes[0].min(axis=0).tolist() == [4, 1]
    assert ring_area(parts[1].outline) * ring_area(parts[1].holes[0]) < 0


def test_corners_alone_are_kept():
    mask = np.zeros((20, 30), bool)
    mask[3:17, 5:25] = True
    (part,) = mask_parts(mask)
    assert sorted(part.outline.tolist()) == [[5, 3], [5, 17], [25, 3], [25, 17]]


def test_an_empty_mask_has_no_parts():
    assert mask_parts(np.zeros((4, 5), bool)) == []


def test_tolerance_takes_corners_and_keeps_the_shape():
    rows, columns = np.mgrid[:48, :48]
    distance = np.hypot(rows - 24, columns - 24)
    mask = (distance < 21) & (distance > 8)
    exact, simple = rings_of(mask), rings_of(mask, 0.75)
    assert sum(map(len, simple)) < sum(map(len, exact)) / 2
    again = filled(simple, mask.shape)
    assert (again & mask).sum() / (again | mask).sum() > 0.95


@pytest.mark.parametrize('height, width', [(1, 1), (1, 7), (2, 2)])
def test_small_parts_stay_exact(height, width):
    mask = np.zeros((9, 9), bool)
    mask[1 : 1 + height, 1 : 1 + width] = True
    assert np.array_equal(filled(rings_of(mask, 0.75), mask.shape), mask)
