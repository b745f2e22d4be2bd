from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdet_panseg.visualization.map_drawing import VOID, VOID_SWATCH, fill_map, label_box, resize_index_map

RED, GREEN = (200, 10, 20), (10, 200, 20)
COLORS = np.array([RED, GREEN], dtype=np.uint8)


def photograph(height, width):
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)


def halves(height=40, width=60):
    """Region 0 on the left, region 1 on the right, void in a corner."""
    index_map = np.zeros((height, width), dtype=np.int64)
    index_map[:, width // 2 :] = 1
    index_map[: height // 3, : width // 3] = VOID
    return index_map


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_reducing_takes_the_region_that_covers_most(height, width, factor, seed):
    index_map = np.random.default_rng(seed).integers(VOID, 3, (height * factor, width * factor))
    resized = resize_index_map(index_map, (height, width))
    for y in range(height):
        for x in range(width):
            block = index_map[y * factor : (y + 1) * factor, x * factor : (x + 1) * factor]
            counts = {value: int((block == value).sum()) for value in np.unique(block).tolist()}
            assert counts[int(resized[y, x])] == max(counts.values())


@pytest.mark.parametrize('size', [(80, 120), (97, 61), (41, 60)])
def test_enlarging_keeps_regions_and_their_shares(size):
    index_map = halves()
    resized = resize_index_map(index_map, size)
    assert resized.shape == size
    for value in (VOID, 0, 1):
        assert abs((resized == value).mean() - (index_map == value).mean()) < 0.03
    assert resized[0, 0] == VOID and resized[-1, 0] == 0 and resized[-1, -1] == 1


def test_the_same_size_changes_nothing():
    index_map = np.random.default_rng(0).integers(VOID, 9, (7, 5)).astype(np.int32)
    assert (resize_index_map(index_map, (7, 5)) == index_map).all()


def test_regions_have_the_hue_of_their_colours_and_void_is_dark():
    image, index_map = photograph(40, 60), halves()
    drawn = fill_map(image, index_map, COLORS).astype(int)
    inner = [drawn[20:38, 5:25], drawn[5:35, 35:55]]
    for part, color in zip(inner, (RED, GREEN), strict=True):
        strongest = int(np.argmax(color))
        others = [channel for channel in range(3) if channel != strongest]
        assert (part[..., strongest] > part[..., others].max(axis=-1) + 50).all()
    void = drawn[:12, :18]
    assert void.max() < 130 and (void.max(axis=-1) - void.min(axis=-1) <= 1).all(), 'grey and dark'
    assert len(np.unique(void[..., 0] == 120)) == 2, 'hatched'


def test_the_image_shows_through():
    index_map = np.zeros((20, 30), dtype=np.int64)
    bright, dark = (np.full((20, 30, 3), value, dtype=np.uint8) for value in (230, 20))
    drawn = [fill_map(image, index_map, COLORS).astype(int) for image in (bright, dark)]
    assert (drawn[0] > drawn[1] + 30).all()


def test_edges_are_light_and_lie_between_regions_only():
    image = np.full((40, 60, 3), 90, dtype=np.uint8)
    index_map = np.zeros((40, 60), dtype=np.int64)
    plain = fill_map(image, index_map, COLORS)
    assert (plain == plain[0, 0]).all(), 'no line around the picture'
    index_map[:, 30:] = 1
    drawn = fill_map(image, index_map, COLORS).astype(int)
    line = drawn[:, 29:31].min(axis=-1)
    assert (line > 150).all() and drawn[:, 27:29].min() < 100
    assert (drawn[:, :29] == plain[:, :29]).all()


def test_hatched_regions_have_lines_of_their_colour():
    image = np.full((40, 40, 3), 90, dtype=np.uint8)
    index_map = np.zeros((40, 40), dtype=np.int64)
    drawn = fill_map(image, index_map, COLORS[:1], np.array([True]))
    lines = (drawn == RED).all(axis=-1)
    assert 0.1 < lines.mean() < 0.5
    filled = fill_map(image, index_map, COLORS[:1], np.array([False]))
    assert not (filled == RED).all(axis=-1).any()


def test_no_regions_at_all():
    drawn = fill_map(photograph(9, 11), np.full((9, 11), VOID), np.zeros((0, 3), dtype=np.uint8))
    assert drawn.shape == (9, 11, 3) and drawn.max() < 130


def test_the_swatch_of_void_looks_like_void():
    void = fill_map(np.full((14, 14, 3), 20, dtype=np.uint8), np.full((14, 14), VOID), COLORS)
    assert np.abs(void.astype(int) - VOID_SWATCH).max() <= 1


@settings(deadline=None, max_examples=40)
@given(st.integers(12, 40), st.integers(20, 60), st.integers(0, 2**32 - 1))
def test_labels_lie_inside_a_rectangle_that_has_room_for_them(height, width, seed):
    rng = np.random.default_rng(seed)
    y, x = int(rng.integers(0, 20)), int(rng.integers(0, 30))
    mask = np.zeros((y + height + 9, x + width + 7), dtype=bool)
    mask[y : y + height, x : x + width] = True
    x0, y0, x1, y1 = label_box(mask, (12, 6))
    assert (x1 - x0, y1 - y0) == (12, 6)
    assert x <= x0 and x1 <= x + width and y <= y0 and y1 <= y + height


def test_labels_lie_in_the_widest_part():
    mask = np.zeros((60, 200), dtype=bool)
    mask[28:32] = True
    mask[10:50, 120:190] = True
    x0, y0, x1, y1 = label_box(mask, (40, 16))
    assert mask[y0:y1, x0:x1].all() and x0 >= 120


@pytest.mark.parametrize('shape', [(1, 1), (1, 50), (50, 1)])
def test_regions_of_a_pixel_have_a_label_too(shape):
    mask = np.zeros(shape, dtype=bool)
    y, x = shape[0] // 2, shape[1] // 2
    mask[y, x] = True
    x0, y0, x1, y1 = label_box(mask, (60, 18))
    assert x0 <= x <= x1 and y0 <= y <= y1
