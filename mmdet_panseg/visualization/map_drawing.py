"""Drawing maps that give each pixel of an image one region, or none: resizing, filling and label places.

An index map is an integer array of shape (H, W): the index of each pixel's region, or -1 for void.
"""

from __future__ import annotations

import cv2
import numpy as np

from .labels import Box

__all__ = ['VOID', 'VOID_SWATCH', 'fill_map', 'label_box', 'resize_index_map']

VOID = -1
_VOID_INK, _VOID_PAPER = (120, 120, 120), (20, 20, 20)
_LINE_SPACING, _LINE_WIDTH = 9, 2


def _lines(shape: tuple[int, int]) -> np.ndarray:
    """Diagonal lines, a boolean array of that shape."""
    rows, columns = np.indices(shape, sparse=True)
    return (rows - columns) % _LINE_SPACING < _LINE_WIDTH


VOID_SWATCH = np.where(_lines((14, 14))[..., None], _VOID_INK, _VOID_PAPER).astype(np.uint8)
"""How void looks, for legends: an RGB picture of shape (14, 14, 3)."""


def resize_index_map(index_map: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize an index map with smooth edges: each pixel gets the region that covers most of it.

    Args:
        index_map: Index map of shape (H, W).
        size: Wanted height and width in pixels.

    Returns:
        Index map of shape ``size``, int64.
    """
    if index_map.shape == tuple(size):
        return index_map.astype(np.int64)
    enlarging = size[0] * size[1] >= index_map.size
    interpolation = cv2.INTER_LINEAR if enlarging else cv2.INTER_AREA
    most = np.full(size, -1, dtype=np.float32)
    resized = np.full(size, VOID, dtype=np.int64)
    for index in np.unique(index_map):
        coverage = cv2.resize((index_map == index).astype(np.float32), size[::-1], interpolation=interpolation)
        better = coverage > most
        resized[better], most[better] = index, coverage[better]
    return resized


def fill_map(
    image: np.ndarray,
    index_map: np.ndarray,
    colors: np.ndarray,
    hatched: np.ndarray | None = None,
    opacity: float = 0.65,
) -> np.ndarray:
    """Colour the regions of a map over the image in grey, with light lines between them; void is black and hatched.

    Args:
        image: RGB image of shape (H, W, 3), uint8.
        index_map: Index map of shape (H, W).
        colors: RGB colours of the regions, shape (N, 3), uint8.
        hatched: Regions to mark with lines of their colour, boolean, shape (N,); None for none.
        opacity: Weight of the colour in the fill, 0 to 1.

    Returns:
        A new image.
    """
    grey = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2).astype(np.float32)
    table = np.vstack([colors.reshape(-1, 3), _VOID_PAPER]).astype(np.float32)
    tint = table[index_map]
    weight = np.full(len(table), opacity, dtype=np.float32)
    weight[VOID] = 0.85
    if hatched is not None:
        weight[:-1][hatched] = 0.25
    weights = weight[index_map][..., None]
    canvas = np.rint((1 - weights) * grey + weights * tint).astype(np.uint8)
    lines = _lines(index_map.shape)
    if hatched is not None:
        marked = lines & np.append(hatched, False)[index_map]
        canvas[marked] = tint[marked].astype(np.uint8)
    canvas[lines & (index_map == VOID)] = _VOID_INK
    edges = _edges(index_map)
    # Lighter than the fills on both sides, whatever their colours.
    canvas[edges] = 255 - ((255 - tint[edges]) / 3).astype(np.uint8)
    return canvas


def label_box(mask: np.ndarray, label_size: tuple[int, int]) -> Box:
    """The place in a region that has most room for a label.

    Args:
        mask: Boolean mask of shape (H, W), not empty.
        label_size: Width and height of the label in pixels.

    Returns:
        Box (x0, y0, x1, y1) of the label; it may reach beyond a small region.
    """
    width, height = label_size
    # With the picture squeezed until the label is a square, the pixel farthest from the edge is the best centre.
    columns = max(1, round(mask.shape[1] * height / width))
    squeezed = cv2.resize(mask.astype(np.uint8), (columns, mask.shape[0]), interpolation=cv2.INTER_NEAREST)
    if not squeezed.any():
        squeezed, columns = mask.astype(np.uint8), mask.shape[1]
    # The border of the picture is an edge as well.
    distance = cv2.distanceTransform(np.pad(squeezed, 1), cv2.DIST_C, 3)[1:-1, 1:-1]
    y, column = np.unravel_index(int(distance.argmax()), distance.shape)
    left = round((int(column) + 0.5) * mask.shape[1] / columns - width / 2)
    top = int(y) - height // 2
    return left, top, left + width, top + height


def _edges(index_map: np.ndarray) -> np.ndarray:
    """Pixels beside another region, on both sides; void has no edge of its own."""
    edges = np.zeros(index_map.shape, dtype=bool)
    across, down = index_map[:, 1:] != index_map[:, :-1], index_map[1:] != index_map[:-1]
    edges[:, 1:] |= across
    edges[:, :-1] |= across
    edges[1:] |= down
    edges[:-1] |= down
    return edges & (index_map != VOID)
