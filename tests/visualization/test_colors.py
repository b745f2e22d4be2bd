from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import rgb_to_hsv

from mmdet_panseg.visualization.colors import class_palette, instance_colors, map_colors, readable_text_color


def hues(colors):
    return rgb_to_hsv(np.asarray(colors) / 255)[:, 0]


def hue_distance(first, second):
    gap = np.abs(first - second) % 1
    return np.minimum(gap, 1 - gap)


@pytest.mark.parametrize('num_classes', [1, 2, 6, 20])
def test_palette_spreads_over_the_circle(num_classes):
    palette = class_palette(num_classes)
    assert len(set(palette)) == num_classes
    values = hues(palette)
    for index in range(num_classes):
        others = np.delete(values, index)
        assert (hue_distance(values[index], others) > 0.8 / num_classes).all()


@pytest.mark.parametrize('num_classes', [2, 6, 12])
def test_instances_stay_nearest_to_their_class(num_classes):
    palette = class_palette(num_classes)
    labels = np.repeat(np.arange(num_classes), 15)
    gaps = hue_distance(hues(instance_colors(labels, palette))[:, None], hues(palette)[None])
    assert (gaps.argmin(axis=1) == labels).all()


def test_instances_of_a_class_differ_and_the_first_has_its_hue():
    palette = class_palette(3)
    colors = instance_colors([1] * 12, palette)
    assert len(np.unique(colors, axis=0)) == 12
    assert hue_distance(hues(colors)[0], hues(palette)[1]) < 0.01


def test_dull_colors_are_brightened():
    colors = instance_colors([0, 1], [(0, 0, 40), (90, 80, 80)])
    assert (colors.max(axis=1) >= 0.75 * 255).all()


def test_no_instances():
    assert instance_colors([], class_palette(3)).shape == (0, 3)


def test_text_contrasts_with_its_background():
    assert readable_text_color((255, 255, 0)) == (0, 0, 0)
    assert readable_text_color((0, 0, 160)) == (255, 255, 255)


def test_maps_show_stuff_as_it_is_and_things_as_instances():
    palette = [(10, 20, 30), (200, 0, 0), (128, 128, 128)]
    colors = map_colors([2, 0, 1, 0], [False, True, True, True], palette)
    assert tuple(colors[0]) == palette[2]
    assert (colors[1:] == instance_colors([0, 1, 0], palette)).all()
    assert map_colors([], [], palette).shape == (0, 3)
