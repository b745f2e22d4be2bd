"""Resizing of images, masks and maps, and painting of masks and maps on an image.

Images are RGB arrays of shape (H, W, 3), uint8. An index map gives each pixel one region, or none: an integer array of
shape (H, W) with the index of the region, or -1 for void.
"""

from __future__ import annotations

import cv2
import numpy as np

VOID = -1
_VOID_INK, _VOID_PAPER = (120, 120, 120), (20, 20, 20)
_CROWD_GREY = 128


def _void_lines(shape: tuple[int, int]) -> np.ndarray:
    """Falling diagonal lines, a boolean array of that shape."""
    rows, columns = np.indices(shape, sparse=True)
    return (rows - columns) % 9 < 2


VOID_SWATCH = np.where(_void_lines((14, 14))[..., None], _VOID_INK, _VOID_PAPER).astype(np.uint8)
"""How void looks, for legends: an RGB picture of shape (14, 14, 3)."""


def fit_inside(size: tuple[int, int], frame: tuple[int, int] | None) -> tuple[int, int]:
    """Find the largest size of the same aspect ratio inside a frame, at least one pixel on each side.

    Args:
        size: Height and width of the image in pixels.
        frame: Height and width of the frame in pixels; None keeps the size.

    Returns:
        Height and width in pixels.
    """
    if frame is None:
        return size
    scale = min(frame[0] / size[0], frame[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize an image to (height, width): smooth when enlarging, area means when reducing."""
    enlarging = size[0] * size[1] >= image.shape[0] * image.shape[1]
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_CUBIC if enlarging else cv2.INTER_AREA)


def resize_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a mask to (height, width) with smooth edges; a mask that is not empty stays so.

    Args:
        mask: Boolean mask of shape (H, W).
        size: Wanted height and width.

    Returns:
        Boolean mask of shape ``size``.
    """
    if mask.shape == tuple(size):
        return mask.copy()
    if not mask.any():
        return np.zeros(size, dtype=bool)
    coverage = _coverage(mask, size)
    # An object smaller than a pixel of the result covers no pixel by half: keep where it covers most.
    return coverage >= min(0.5, coverage.max())


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
    most = np.full(size, -1, dtype=np.float32)
    resized = np.full(size, VOID, dtype=np.int64)
    for index in np.unique(index_map):
        coverage = _coverage(index_map == index, size)
        better = coverage > most
        resized[better], most[better] = index, coverage[better]
    return resized


def _coverage(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Share of each pixel of the resized picture that a mask covers, float32."""
    interpolation = cv2.INTER_LINEAR if size[0] * size[1] >= mask.size else cv2.INTER_AREA
    return cv2.resize(mask.astype(np.float32), size[::-1], interpolation=interpolation)


def fill_masks(
    image: np.ndarray,
    masks: np.ndarray,
    colors: np.ndarray,
    opacity: float = 0.45,
    contour_width: int = 2,
) -> np.ndarray:
    """Fill masks with translucent colour and draw a solid contour along the inside of their edges.

    Smaller masks lie on top of larger ones; nothing outside the masks changes.

    Args:
        image: RGB image of shape (H, W, 3), uint8.
        masks: Boolean masks of shape (N, H, W).
        colors: RGB colours of shape (N, 3).
        opacity: Weight of the colour in the fill, 0 to 1.
        contour_width: Width of the contour in pixels.

    Returns:
        A new image.
    """
    canvas = image.copy()
    order = np.argsort([-int(mask.sum()) for mask in masks], kind='stable')
    for index in order:
        tint = np.asarray(colors[index], dtype=np.float32)
        # Mixed with the picture, not with the masks below: a colour does not depend on what it covers.
        canvas[masks[index]] = np.rint((1 - opacity) * image[masks[index]] + opacity * tint).astype(np.uint8)
    for index in order:
        # Lighter than the fill, or it would drown in objects of the same colour.
        canvas[_inner_edge(masks[index], contour_width)] = 255 - (255 - colors[index]) // 2
    return canvas


def hatch_mask(image: np.ndarray, mask: np.ndarray, spacing: int = 8, width: int = 2) -> np.ndarray:
    """Mark a region that is not evaluated (a crowd) with grey diagonal lines and a grey contour.

    Args:
        image: RGB image of shape (H, W, 3), uint8.
        mask: Boolean mask of shape (H, W).
        spacing: Distance of the lines along a row, in pixels.
        width: Width of the lines along a row, in pixels.

    Returns:
        A new image, unchanged outside the mask.
    """
    rows, columns = np.indices(mask.shape, sparse=True)
    lines = (rows + columns) % spacing < width
    canvas = image.copy()
    canvas[mask & (lines | _inner_edge(mask, width))] = _CROWD_GREY
    return canvas


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
    lines = _void_lines(index_map.shape)
    if hatched is not None:
        marked = lines & np.append(hatched, False)[index_map]
        canvas[marked] = tint[marked].astype(np.uint8)
    canvas[lines & (index_map == VOID)] = _VOID_INK
    edges = _edges(index_map)
    # Lighter than the fills on both sides, whatever their colours.
    canvas[edges] = 255 - ((255 - tint[edges]) / 3).astype(np.uint8)
    return canvas


def box_of(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Find the tight box (x0, y0, x1, y1) of a boolean mask (H, W) that is not empty, ends exclusive."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _inner_edge(mask: np.ndarray, width: int) -> np.ndarray:
    """Pixels of the mask within ``width`` of its outside or of the image's border."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    # Erosion's default treats what lies beyond the image as set, which would leave the border without a line.
    core = cv2.erode(mask.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return mask & (core == 0)


def _edges(index_map: np.ndarray) -> np.ndarray:
    """Pixels beside another region, on both sides; void has no edge of its own."""
    edges = np.zeros(index_map.shape, dtype=bool)
    across, down = index_map[:, 1:] != index_map[:, :-1], index_map[1:] != index_map[:-1]
    edges[:, 1:] |= across
    edges[:, :-1] |= across
    edges[1:] |= down
    edges[:-1] |= down
    return edges & (index_map != VOID)
