"""Drawing masks on an image of shape (H, W, 3), RGB, uint8: translucent fills, contours and hatching."""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ['box_of', 'fill_masks', 'fit_inside', 'hatch_mask', 'resize_image', 'resize_mask']

_CROWD_GREY = 128


def fit_inside(size: tuple[int, int], frame: tuple[int, int]) -> tuple[int, int]:
    """The largest size of the same aspect ratio inside a frame, at least one pixel on each side.

    Args:
        size: Height and width of the image in pixels.
        frame: Height and width of the frame in pixels.

    Returns:
        Height and width in pixels.
    """
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
    if mask.shape == tuple(size) or not mask.any():
        return mask.copy() if mask.shape == tuple(size) else np.zeros(size, dtype=bool)
    enlarging = size[0] * size[1] >= mask.size
    coverage = cv2.resize(
        mask.astype(np.float32), size[::-1], interpolation=cv2.INTER_LINEAR if enlarging else cv2.INTER_AREA
    )
    # An object smaller than a pixel of the result covers no pixel by half: keep where it covers most.
    return coverage >= min(0.5, coverage.max())


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


def box_of(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Tight box (x0, y0, x1, y1) of a boolean mask (H, W) that is not empty, ends exclusive."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _inner_edge(mask: np.ndarray, width: int) -> np.ndarray:
    """Pixels of the mask within ``width`` of its outside or of the image's border."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    # Erosion's default treats what lies beyond the image as set, which would leave the border without a line.
    core = cv2.erode(mask.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return mask & (core == 0)
