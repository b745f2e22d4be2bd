from __future__ import annotations

import numpy as np
import pytest

from mmdet_panseg.visualization.painting import fill_masks, fit_inside, hatch_mask, resize_image, resize_mask


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
