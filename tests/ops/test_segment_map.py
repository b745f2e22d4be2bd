"""Segment maps by look-up and their measures by runs, against one pass a segment."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdet_panseg.ops import (
    VOID_ROW,
    mask_geometry,
    segment_crops,
    segment_geometry,
    segment_map_from_ids,
    segment_rows,
)


def blocks(rng: np.random.Generator, values: np.ndarray, height: int, width: int, block: int) -> np.ndarray:
    """A map of random values in blocks; block 1 is noise."""
    coarse = rng.choice(values, (-(-height // block), -(-width // block)))
    return np.kron(coarse, np.ones((block, block), values.dtype))[:height, :width]


def map_by_passes(id_map, segment_ids):
    rows = np.full(id_map.shape, VOID_ROW, np.uint16)
    for row, segment_id in zip(segment_rows(len(segment_ids)), segment_ids, strict=True):
        rows[id_map == segment_id] = row
    return rows


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 400), st.integers(1, 45), st.integers(1, 45), st.sampled_from([1, 3, 8]), st.integers(0, 2**20))
def test_map_equals_one_pass_a_segment(count, height, width, block, seed):
    rng = np.random.default_rng(seed)
    drawn = 1 + rng.choice(2**24 - 1, count + 4, replace=False)
    segment_ids, strange = drawn[:count], drawn[count:]
    # Void, two ids that are no segment's, and only some of the segments are on the map.
    id_map = blocks(rng, np.concatenate([segment_ids[: count // 2 + 1], strange[:2], [0]]), height, width, block)
    found = segment_map_from_ids(id_map.astype(np.int32), segment_ids)
    assert found.rows.dtype == np.uint16
    np.testing.assert_array_equal(found.rows, map_by_passes(id_map, segment_ids))
    np.testing.assert_array_equal(found.present, np.isin(segment_ids, id_map))
    np.testing.assert_array_equal(found.unknown, np.setdiff1d(id_map, [*segment_ids, 0]))


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 400), st.integers(1, 45), st.integers(1, 45), st.sampled_from([1, 3, 8]), st.integers(0, 2**20))
def test_measures_and_masks_equal_those_of_full_masks(count, height, width, block, seed):
    rng = np.random.default_rng(seed)
    values = np.append(segment_rows(count), VOID_ROW).astype(np.uint16)
    segment_map = blocks(rng, values, height, width, block)
    num_rows = max(256, int(values.max()) + 1)
    found = segment_geometry(segment_map, num_rows)
    masks = (segment_map == np.arange(num_rows)[:, None, None]).astype(np.uint8)
    for ours, slow in zip(found, mask_geometry(masks), strict=True):
        assert ours.dtype == slow.dtype
        np.testing.assert_array_equal(ours, slow)
    chosen = rng.permutation(num_rows)[:20]
    crops = segment_crops(segment_map, chosen, found.boxes[chosen])
    np.testing.assert_array_equal(crops.dense(segment_map.shape), masks[chosen])


def test_moments_of_large_segments_are_exact():
    geometry = segment_geometry(np.zeros((3000, 3000), np.uint16), 256)
    assert geometry.centers[0].tolist() == [1499.5, 1499.5] and geometry.areas[0] == 9_000_000


def test_views_that_are_not_contiguous():
    whole = np.random.default_rng(0).integers(0, 5, (20, 30)).astype(np.uint16)
    view = whole[::-1, 4:17]
    for ours, plain in zip(segment_geometry(view, 256), segment_geometry(view.copy(), 256), strict=True):
        np.testing.assert_array_equal(ours, plain)
    found = segment_map_from_ids(view.astype(np.int32) + 7, [7, 8, 9])
    np.testing.assert_array_equal(segment_map_from_ids(view + 7, [7, 8, 9]).rows, found.rows)


@pytest.mark.parametrize('shape', [(0, 0), (0, 4), (4, 0)])
def test_no_pixels(shape):
    found = segment_map_from_ids(np.zeros(shape, np.int32), [5])
    assert found.rows.shape == shape and found.present.tolist() == [False]
    assert not segment_geometry(found.rows, 256).areas.any()
