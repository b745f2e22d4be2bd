"""Grids and their positive cells on an image."""

from __future__ import annotations

import numpy as np
import pytest

from mmdet_panseg.visualization.grid_cells import draw_grid_cells

RED, BLUE = (200, 0, 0), (0, 0, 200)


def draw(cells, objects, covered=(64, 96), grid=4, frame=None, size=(64, 96)):
    image = np.full((*size, 3), 90, np.uint8)
    masks = np.zeros((2, *size), bool)
    masks[0, :10, :10] = True
    colors = np.array([RED, BLUE], np.uint8)
    return draw_grid_cells(image, grid, covered, np.array(cells, int), np.array(objects, int), masks, colors, frame)


@pytest.mark.parametrize('frame', [None, (32, 200), (640, 480)])
def test_a_cell_has_the_colour_of_its_object(frame):
    picture = draw([0, 6, 15], [0, 1, 1], frame=frame)
    scale = picture.shape[0] / 64
    middles = {
        cell: (int((row + 0.5) * 16 * scale), int((column + 0.5) * 24 * scale))
        for cell in range(16)
        for row, column in [divmod(cell, 4)]
    }
    for cell, (row, column) in middles.items():
        wanted = {0: RED, 6: BLUE, 15: BLUE}.get(cell)
        found = tuple(picture[row, column].tolist())
        assert found == wanted if wanted else len(set(found)) == 1


def test_the_grid_covers_the_image_without_padding():
    picture = draw([3], [1], covered=(32, 48))
    assert tuple(picture[4, 40]) == BLUE
    outside = picture[40:, 60:]
    assert (outside == outside[0, 0]).all()


def test_fine_grids_have_no_lines():
    without, fine = (
        draw([], [], grid=1, size=(30, 30), covered=(30, 30)),
        draw([], [], grid=29, size=(30, 30), covered=(30, 30)),
    )
    assert np.array_equal(without[1:-1, 1:-1], fine[1:-1, 1:-1])
