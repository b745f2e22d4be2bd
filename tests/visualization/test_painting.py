from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdet_panseg.visualization.painting import (
    VOID,
    VOID_SWATCH,
    fill_map,
    fill_masks,
    fit_inside,
    hatch_mask,
    resize_image,
    resize_index_map,
    resize_mask,
)


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(60, 180, (height, width, 3), dtype=np.uint8)


def box_mask(height, width, top, left, bottom, right):
    mask = np.zeros((height, width), dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


MASKS = {
    'inner': box_mask(40, 70, 10, 20, 30, 50),
    'one pixel': box_mask(40, 70, 7, 9, 8, 10),
    'at the border': box_mask(40, 70, 0, 0, 15, 12),
    'at the far corner': box_mask(40, 70, 30, 60, 40, 70),
    'whole image': box_mask(40, 70, 0, 0, 40, 70),
    'random': np.random.default_rng(1).random((40, 70)) > 0.5,
}


@pytest.mark.parametrize('mask', MASKS.values(), ids=MASKS)
def test_pixels_inside_change_and_pixels_outside_do_not(mask):
    image = noise(40, 70)
    original = image.copy()
    drawn = fill_masks(image, mask[None], np.array([[255, 0, 0]], dtype=np.uint8))
    changed = (drawn != original).any(axis=-1)
    assert (changed == mask).all()
    assert (image == original).all()


def test_fill_is_translucent_and_contour_is_not():
    image = noise(40, 70)
    mask = MASKS['inner']
    drawn = fill_masks(image, mask[None], np.array([[255, 0, 0]], dtype=np.uint8), opacity=0.4, contour_width=2)
    inner = box_mask(40, 70, 12, 22, 28, 48)
    expected = np.rint(0.6 * image[inner].astype(float) + 0.4 * np.array([255, 0, 0]))
    assert np.abs(drawn[inner] - expected).max() <= 1
    assert len(np.unique(drawn[mask & ~inner], axis=0)) == 1


def test_small_masks_lie_on_large_ones_in_any_order():
    image = noise(40, 70)
    masks = np.stack([MASKS['one pixel'] | MASKS['inner'], MASKS['whole image']])
    colors = np.array([[255, 0, 0], [0, 0, 255]], dtype=np.uint8)
    drawn = fill_masks(image, masks, colors)
    assert (drawn == fill_masks(image, masks[::-1], colors[::-1])).all()
    red_alone = fill_masks(image, masks[:1], colors[:1])
    assert (drawn[20, 35] == red_alone[20, 35]).all()


def test_no_masks_leave_the_image_alone():
    image = noise(40, 70)
    drawn = fill_masks(image, np.zeros((0, 40, 70), dtype=bool), np.zeros((0, 3), dtype=np.uint8))
    assert (drawn == image).all() and drawn is not image
    empty = fill_masks(image, np.zeros((1, 40, 70), dtype=bool), np.full((1, 3), 255, dtype=np.uint8))
    assert (empty == image).all()


@pytest.mark.parametrize('mask', MASKS.values(), ids=MASKS)
def test_hatching_stays_inside_and_is_grey(mask):
    image = noise(40, 70)
    drawn = hatch_mask(image, mask)
    changed = (drawn != image).any(axis=-1)
    assert changed.any() and not (changed & ~mask).any()
    assert (drawn[changed] == 128).all()
    if mask is MASKS['whole image']:
        assert not changed.all()


@pytest.mark.parametrize('size', [(80, 140), (61, 107), (13, 23), (40, 70), (3, 5), (1, 1)])
@pytest.mark.parametrize('mask', MASKS.values(), ids=MASKS)
def test_resized_mask_stays_in_place_and_is_never_lost(mask, size):
    resized = resize_mask(mask, size)
    assert resized.shape == size and resized.dtype == bool and resized.any()
    rows, columns = np.nonzero(mask)
    new_rows, new_columns = np.nonzero(resized)
    scale_y, scale_x = size[0] / 40, size[1] / 70
    assert abs((new_rows.mean() + 0.5) - (rows.mean() + 0.5) * scale_y) <= 1
    assert abs((new_columns.mean() + 0.5) - (columns.mean() + 0.5) * scale_x) <= 1


def test_resized_mask_keeps_its_share_of_the_image():
    for name in ('inner', 'at the border', 'at the far corner', 'whole image'):
        for size in ((80, 140), (123, 200), (20, 35)):
            assert resize_mask(MASKS[name], size).mean() == pytest.approx(MASKS[name].mean(), rel=0.1)


def test_empty_mask_stays_empty():
    assert not resize_mask(np.zeros((40, 70), dtype=bool), (80, 140)).any()
    assert not resize_mask(np.zeros((40, 70), dtype=bool), (40, 70)).any()


@pytest.mark.parametrize(
    ('size', 'frame', 'expected'),
    [
        ((100, 200), (360, 480), (240, 480)),
        ((200, 100), (360, 480), (360, 180)),
        ((720, 960), (360, 480), (360, 480)),
        ((1, 1000), (360, 480), (1, 480)),
    ],
)
def test_fit_inside_fills_the_frame(size, frame, expected):
    assert fit_inside(size, frame) == expected


@pytest.mark.parametrize('size', [(80, 140), (20, 35), (40, 70)])
def test_resized_image_keeps_its_mean_color(size):
    image = noise(40, 70)
    resized = resize_image(image, size)
    assert resized.shape == (*size, 3) and resized.dtype == np.uint8
    assert np.abs(resized.mean(axis=(0, 1)) - image.mean(axis=(0, 1))).max() < 2


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
