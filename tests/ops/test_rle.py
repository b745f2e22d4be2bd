from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO

from mmdet_panseg.ops import crop_from_rle, crop_from_segmentation, rle_code, rle_from_crop, rle_intersection
from mmdet_panseg.ops.rle import rle_counts


def whole(crop, corner, size):
    """The mask in the whole image."""
    left, top = corner
    mask = np.zeros((size[0] + crop.shape[0], size[1] + crop.shape[1]), bool)
    mask[top : top + crop.shape[0], left : left + crop.shape[1]] = crop
    return mask[: size[0], : size[1]]


@st.composite
def windows(draw):
    size = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    left, top = draw(st.integers(0, size[1])), draw(st.integers(0, size[0]))
    shape = draw(st.integers(0, 50)), draw(st.integers(0, 50))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    return rng.random(shape) < draw(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])), (left, top), size


@settings(max_examples=150, deadline=None)
@given(windows())
def test_rle_of_a_window_is_that_of_the_whole_mask(case):
    crop, corner, size = case
    mask = whole(crop, corner, size)
    expected = coco_masks.encode(np.asfortranarray(mask.astype(np.uint8)))
    found = rle_from_crop(crop, corner, size)
    assert found == expected

    box, (left, top) = crop_from_rle(found)
    assert np.array_equal(whole(box, (left, top), size), mask)
    if mask.any():
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        assert left == columns[0] and box.shape[1] == columns[-1] + 1 - columns[0]
        assert top <= rows[0] and top + len(box) > rows[-1]


def test_long_runs_are_read():
    crop, corner = np.ones((3, 2), bool), (19_000, 5)
    rle = rle_from_crop(crop, corner, (20_000, 20_000))
    assert rle_counts(rle['counts']).tolist() == [19_000 * 20_000 + 5, 3, 19_997, 3, 999 * 20_000 - 8 - 0 + 0]
    found, place = crop_from_rle(rle)
    assert place == corner and np.array_equal(found, crop)


@pytest.mark.parametrize('shift', [0, 3, 20])
def test_intersections_are_counted(shift):
    one, other = np.zeros((2, 40, 50), bool)
    one[5:20, 5:20], other[5:20, 5 + shift : 20 + shift] = True, True
    rles = [rle_from_crop(mask, (0, 0), (40, 50)) for mask in (one, other)]
    assert rle_intersection(*rles) == np.count_nonzero(one & other)


_COORDINATES = st.one_of(st.floats(-30, 60), st.integers(-300, 600).map(lambda tenths: tenths / 10))
_OUTLINES = st.lists(
    st.integers(3, 6).flatmap(lambda corners: st.lists(_COORDINATES, min_size=2 * corners, max_size=2 * corners)),
    min_size=1,
    max_size=3,
)


@settings(max_examples=200, deadline=None)
@given(_OUTLINES, st.sampled_from([(30, 40), (1, 1), (7, 50), (50, 3)]))
def test_polygons_are_filled_as_in_the_whole_image(outlines, size):
    crop, (left, top) = crop_from_segmentation([np.array(outline) for outline in outlines], size)
    found = np.zeros(size, np.uint8)
    found[top : top + crop.shape[0], left : left + crop.shape[1]] = crop
    wanted = coco_masks.decode(coco_masks.merge(coco_masks.frPyObjects(outlines, *size)))
    np.testing.assert_array_equal(found, wanted)


def test_polygons_outside_the_image_are_empty():
    for corner in (-50.0, 90.0):
        crop, _ = crop_from_segmentation([np.array([0, 0, 9, 0, 9, 9.0]) + corner], (30, 40))
        assert not crop.any()


def test_all_forms_of_a_segmentation():
    size = (30, 40)
    polygons = [[2, 3, 20, 3, 11.5, 25], [30, 1, 39, 1, 39, 9, 30, 9]]
    api = COCO()
    api.imgs = {1: dict(height=30, width=40)}
    expected = api.annToRLE(dict(image_id=1, segmentation=polygons))
    assert rle_code(polygons, size) == expected['counts']
    for counts in (expected['counts'], expected['counts'].decode(), rle_counts(expected['counts']).tolist()):
        assert rle_code(dict(size=list(size), counts=counts), size) == expected['counts']
