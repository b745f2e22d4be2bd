"""Segment ids in the colours of COCO panoptic PNG files."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from .map_values import MAX_PANOPTIC_ID


def ids_from_rgb(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Read segment ids R + 256 G + 65536 B from colours.

    Args:
        rgb: Colours, uint8, shape (H, W, 3), of any memory layout (``bgr[..., ::-1]`` of OpenCV is one).

    Returns:
        Ids, int32, shape (H, W); 0 is void.

    Raises:
        ValueError: If the array is no uint8 array of three channels.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f'colours must be a uint8 array of shape (H, W, 3), not {rgb.dtype} of shape {rgb.shape}')
    if not rgb.size:
        return np.zeros(rgb.shape[:2], np.int32)
    # The bytes R, G, B are the id as a little-endian integer of 24 bits; the fourth is cut off.
    quads = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2RGBA)
    ids = quads.view('<i4')[..., 0]
    ids &= MAX_PANOPTIC_ID
    return ids.astype(np.int32, copy=False)


def rgb_from_ids(ids: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
    """Write segment ids as colours; the inverse of :func:`ids_from_rgb`.

    Args:
        ids: Ids in 0..16777215, shape (H, W).

    Returns:
        RGB colours, uint8, shape (H, W, 3).

    Raises:
        ValueError: If an id does not fit in three channels.
    """
    if ids.size and (ids.min() < 0 or ids.max() > MAX_PANOPTIC_ID):
        raise ValueError(f'panoptic ids must be in 0..{MAX_PANOPTIC_ID}, found {ids.min()}..{ids.max()}')
    quads = np.ascontiguousarray(ids, '<u4')[..., None].view(np.uint8)
    return np.ascontiguousarray(quads[..., :3])
