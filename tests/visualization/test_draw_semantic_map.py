from __future__ import annotations

import numpy as np
import pytest

from mmdet_panseg.visualization import class_palette, draw_semantic_map
from mmdet_panseg.visualization.painting import VOID, fill_map

NAMES = ('sky', 'road', 'car')
COLORS = np.array(class_palette(3))


def scene(dtype=np.uint8):
    """Sky over road, a small car, void in a corner."""
    image = np.random.default_rng(0).integers(60, 180, (120, 200, 3), dtype=np.uint8)
    semantic_map = np.zeros((120, 200), dtype=dtype)
    semantic_map[60:] = 1
    semantic_map[80:86, 50:60] = 2
    semantic_map[100:, 170:] = 255
    return image, semantic_map


@pytest.mark.parametrize('dtype', [np.uint8, np.int64, np.int32])
def test_large_regions_are_named_inside_and_small_ones_are_not(dtype):
    image, semantic_map = scene(dtype)
    drawn = draw_semantic_map(image, semantic_map, NAMES, COLORS)
    index_map = np.where(semantic_map == 255, VOID, semantic_map.astype(int))
    rows, columns = np.nonzero((drawn != fill_map(image, index_map, COLORS.astype(np.uint8))).any(axis=-1))
    assert len(rows)
    named = semantic_map[rows, columns]
    assert set(np.unique(named)) == {0, 1}, 'labels of sky and road lie on sky and road'


def test_all_labels_without_a_name_are_void():
    image, semantic_map = scene(np.int64)
    drawn = draw_semantic_map(image, semantic_map, NAMES, COLORS)
    for other in (-1, 3, 1000):
        changed = np.where(semantic_map == 255, other, semantic_map)
        assert (draw_semantic_map(image, changed, NAMES, COLORS) == drawn).all()


def test_result_fits_the_frame():
    image, semantic_map = scene()
    assert draw_semantic_map(image, semantic_map, NAMES, COLORS, (240, 500)).shape == (240, 400, 3)
    assert draw_semantic_map(image, semantic_map, NAMES, COLORS, (240, 100)).shape == (60, 100, 3)
    nothing = np.full_like(semantic_map, 255)
    assert draw_semantic_map(image, nothing, NAMES, COLORS, (60, 100)).max() < 130


def test_another_size_is_refused():
    image, semantic_map = scene()
    with pytest.raises(ValueError, match='does not fit an image'):
        draw_semantic_map(image, semantic_map.T, NAMES, COLORS)
