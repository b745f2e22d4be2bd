"""Drawing of a level's grid: the objects it learns, and the cells that learn them."""

from __future__ import annotations

import cv2
import numpy as np

from .painting import fill_masks, fit_inside, resize_image, resize_mask

# Lines of a finer grid would cover the image.
_MIN_CELL = 4


def draw_grid_cells(
    image: np.ndarray,
    grid: int,
    covered: tuple[int, int],
    cells: np.ndarray,
    cell_objects: np.ndarray,
    masks: np.ndarray,
    colors: np.ndarray,
    frame: tuple[int, int] | None = None,
) -> np.ndarray:
    """Draw the grid of a level over an image in grey, with positive cells in the colours of their objects.

    Args:
        image: RGB image of shape (H, W, 3), uint8.
        grid: Cells along each side of the grid.
        covered: Height and width that the grid covers, in pixels of the image, from its upper left corner.
        cells: Indices of the positive cells, row by row, shape (P,).
        cell_objects: Index of the object of each, shape (P,).
        masks: Boolean masks of all objects, shape (N, H, W); those with a cell are outlined.
        colors: RGB colours of all objects, shape (N, 3), uint8.
        frame: Height and width that the result fits into, or None for the image's own size.

    Returns:
        A new RGB image of shape (h, w, 3).
    """
    size = fit_inside(image.shape[:2], frame)
    grey = cv2.cvtColor(resize_image(image, size), cv2.COLOR_RGB2GRAY)
    canvas = np.repeat((40 + 0.6 * grey).astype(np.uint8)[..., None], 3, axis=2)
    learnt = np.unique(cell_objects)
    outlined = np.array([resize_mask(masks[index], size) for index in learnt], dtype=bool).reshape(-1, *size)
    canvas = fill_masks(canvas, outlined, colors[learnt], opacity=0.2, contour_width=1)
    lines = [
        np.rint(np.arange(grid + 1) * side / grid * pixels / full).astype(int)
        for side, pixels, full in zip(covered, size, image.shape[:2], strict=True)
    ]
    if min(covered[0] * size[0] / image.shape[0], covered[1] * size[1] / image.shape[1]) >= _MIN_CELL * grid:
        _rule(canvas, *lines)
    for cell, index in zip(cells.tolist(), cell_objects.tolist(), strict=True):
        row, column = divmod(cell, grid)
        (top, bottom), (left, right) = lines[0][row : row + 2], lines[1][column : column + 2]
        canvas[top : max(bottom, top + 1), left : max(right, left + 1)] = colors[index]
        cv2.rectangle(canvas, (int(left), int(top)), (int(right), int(bottom)), (255, 255, 255), 1)
    return canvas


def _rule(canvas: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> None:
    """Draw light lines of the grid, in place."""
    height, width = rows[-1], columns[-1]
    for row in rows[rows < len(canvas)]:
        canvas[row, :width] = canvas[row, :width] // 2 + 64
    for column in columns[columns < canvas.shape[1]]:
        canvas[:height, column] = canvas[:height, column] // 2 + 64
