"""Areas, centres of mass and boxes of binary masks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


class MaskGeometry(NamedTuple):
    """Measures of ``N`` masks.

    Attributes:
        areas: Number of set pixels, int64, shape ``(N,)``.
        centers: Centre of mass ``(x, y)`` in pixel indices, float32, shape ``(N, 2)``; 0 for an empty mask.
        boxes: Tight boxes ``(x1, y1, x2, y2)``, far sides exclusive, float32, shape ``(N, 4)``; 0 for an empty mask.
    """

    areas: npt.NDArray[np.int64]
    centers: npt.NDArray[np.float32]
    boxes: npt.NDArray[np.float32]


def mask_geometry(masks: npt.NDArray[np.uint8]) -> MaskGeometry:
    """Measure binary masks in two passes over their pixels.

    Works on arrays, as masks are loaded on the host and only their measures travel. Moments are exact integers and are
    divided in float32, as in mmdet's ``center_of_mass``: an object whose centre lies on the edge of a grid cell
    falls into the same cell.

    Args:
        masks: Binary masks with values 0 and 1, shape ``(N, H, W)``.

    Returns:
        Areas, centres and boxes.
    """
    # A sum of short integers is many times faster than one of long integers, and no side has more pixels than fit.
    dtype = np.uint16 if max(masks.shape[1:]) <= np.iinfo(np.uint16).max else np.int64
    columns, rows = (masks.sum(axis=axis, dtype=dtype).astype(np.int64) for axis in (1, 2))
    areas = columns.sum(axis=1)
    normalizer = np.maximum(areas.astype(np.float32), np.float32(1e-6))
    moments = np.stack([columns @ np.arange(columns.shape[1]), rows @ np.arange(rows.shape[1])], axis=1)
    x1, x2 = _extent(torch.from_numpy(columns))
    y1, y2 = _extent(torch.from_numpy(rows))
    boxes = torch.stack([x1, y1, x2, y2], dim=1).float().numpy()
    return MaskGeometry(areas, moments.astype(np.float32) / normalizer[:, None], boxes)


def boxes_from_masks(masks: Tensor) -> Tensor:
    """Compute tight boxes of binary masks.

    Args:
        masks: Bool masks, shape ``(N, H, W)``.

    Returns:
        Boxes ``(x1, y1, x2, y2)`` with exclusive far sides, float32, shape ``(N, 4)``; zeros for an empty mask.
    """
    if 0 in masks.shape[1:]:
        return torch.zeros(len(masks), 4, device=masks.device)
    # A maximum of bytes is several times faster than `any` of bools.
    pixels = masks.view(torch.uint8)
    x1, x2 = _extent(pixels.amax(dim=1))
    y1, y2 = _extent(pixels.amax(dim=2))
    return torch.stack([x1, y1, x2, y2], dim=1).float()


def _extent(histogram: Tensor) -> tuple[Tensor, Tensor]:
    """First and one past the last non-zero index of each row; (0, 0) for a row of zeros."""
    length = histogram.shape[1]
    occupied = histogram > 0
    index = torch.arange(length, device=histogram.device)
    last = (occupied * (index + 1)).amax(dim=1)
    first = length - (occupied * (length - index)).amax(dim=1)
    return torch.where(last > 0, first, 0), last
