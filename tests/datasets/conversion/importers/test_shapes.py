from __future__ import annotations

import math

import numpy as np
import pytest
from pycocotools import mask as mask_utils

from mmdet_panseg.datasets.conversion.importers.shapes import ellipse, polygon, rectangle, rotated


def area(outline):
    x, y = outline.T
    return abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2


def test_rectangles_of_whole_pixels_fill_these_pixels():
    outline = rectangle(3, 2, 9, 7)
    pixels = mask_utils.decode(mask_utils.frPyObjects([outline.ravel().tolist()], 12, 12)[0])
    wanted = np.zeros((12, 12))
    wanted[2:7, 3:9] = 1
    np.testing.assert_array_equal(pixels, wanted)


@pytest.mark.parametrize(('x', 'y'), [(30, 10), (2, 2), (300, 40)])
def test_ellipses_have_the_area_of_ellipses(x, y):
    outline = ellipse(50, 60, x, y)
    assert area(outline) == pytest.approx(math.pi * x * y, rel=0.05)
    np.testing.assert_allclose(((outline - (50, 60)) / (x, y)) ** 2 @ [1, 1], 1)


def test_turns_are_clockwise_on_the_screen():
    # right of the centre goes below it
    np.testing.assert_allclose(rotated(np.array([[2.0, 1.0]]), 90, 1, 1), [[1, 2]], atol=1e-12)


@pytest.mark.parametrize(
    'points', [[(0, 0), (1, 1)], [(0, 0), (1, float('nan')), (2, 2)], [1, 2, 3], None, [[0], [1], [2]]]
)
def test_what_is_no_outline_is_refused(points):
    with pytest.raises(ValueError):
        polygon(points)
