"""Windows of scaled images against nearest pixels one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdet_panseg.datasets.transforms.scaled_window import ScaledWindow, read_positions
from mmdet_panseg.ops import crops_of_masks


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 40), st.integers(1, 90), st.data())
def test_pixels_are_read_at_their_centres(length, scaled, data):
    start = data.draw(st.integers(0, scaled - 1))
    count = data.draw(st.integers(1, scaled - start))
    found = read_positions(length, scaled, start, count)
    assert len(found) == count and found.min() >= 0 and found.max() < length
    for place, position in enumerate(found.tolist()):
        center = (start + place + 0.5) * length / scaled
        assert abs(center - (position + 0.5)) <= 0.5 + 1e-9


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 6), st.booleans(), st.integers(0, 2**20))
def test_masks_in_boxes_are_those_of_whole_maps(height, width, count, mirrored, seed):
    rng = np.random.default_rng(seed)
    lines, columns = (np.sort(rng.integers(0, side, rng.integers(1, 40))) for side in (height, width))
    window = ScaledWindow(0, 0, lines, columns[::-1] if mirrored else columns)
    masks = np.zeros((count, height, width), np.uint8)
    for mask in masks:
        y, x = rng.integers(0, height), rng.integers(0, width)
        mask[y : y + rng.integers(0, 9), x : x + rng.integers(0, 9)] = 1
    found = np.zeros((count, len(window.rows), len(window.columns)), bool)
    for index, part, mask in window.masks(crops_of_masks(masks)):
        assert mask.size and mask.dtype == bool
        found[index][part] = mask
    for index in range(count):
        np.testing.assert_array_equal(found[index], window.labels(masks[index]).astype(bool))


def test_pixels_of_an_image_that_is_not_scaled():
    image = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    rows, columns = np.arange(3, 15), np.arange(7, 29)
    np.testing.assert_array_equal(ScaledWindow(0, 0, rows, columns).pixels(image), image[3:15, 7:29])
    np.testing.assert_array_equal(ScaledWindow(0, 0, rows, columns[::-1]).pixels(image), image[3:15, 28:6:-1])
    assert ScaledWindow(0, 0, rows, columns).pixels(image[..., :1]).shape == (12, 22, 1)
    assert ScaledWindow(4, 5, rows, columns).place == (slice(4, 16), slice(5, 27))
