from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from panopticapi.utils import id2rgb, rgb2id

from mmdet_panseg.ops import ids_from_rgb, rgb_from_ids


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 2**20))
def test_ids_are_those_of_panopticapi_and_back(height, width, seed):
    rgb = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    ids = ids_from_rgb(rgb)
    assert ids.dtype == np.int32
    np.testing.assert_array_equal(ids, rgb2id(rgb))
    np.testing.assert_array_equal(rgb_from_ids(ids), rgb)
    np.testing.assert_array_equal(id2rgb(ids), rgb)


def test_any_memory_layout():
    bgr = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    np.testing.assert_array_equal(ids_from_rgb(bgr[..., ::-1]), ids_from_rgb(np.ascontiguousarray(bgr[..., ::-1])))
    ids = ids_from_rgb(bgr)
    np.testing.assert_array_equal(rgb_from_ids(ids[::2, ::-3].astype(np.int64)), bgr[::2, ::-3])


def test_extremes_and_no_pixels():
    ends = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    assert ids_from_rgb(ends).tolist() == [[0, 2**24 - 1]]
    assert ids_from_rgb(np.zeros((0, 5, 3), np.uint8)).shape == (0, 5)
    assert rgb_from_ids(np.zeros((0, 5), np.int32)).shape == (0, 5, 3)


@pytest.mark.parametrize('bad', [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.uint16), np.zeros((4, 4, 4), 'u1')])
def test_other_arrays_are_named(bad):
    with pytest.raises(ValueError, match='uint8 array of shape'):
        ids_from_rgb(bad)


@pytest.mark.parametrize('bad', [-1, 2**24])
def test_ids_that_do_not_fit_are_named(bad):
    with pytest.raises(ValueError, match='16777215'):
        rgb_from_ids(np.array([[5, bad]]))
