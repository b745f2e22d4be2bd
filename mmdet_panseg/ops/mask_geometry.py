"""Areas, centres of mass and boxes of binary masks."""

from typing import NamedTuple

import torch
from torch import Tensor


class MaskGeometry(NamedTuple):
    """Measures of ``N`` masks.

    Attributes:
        areas: Number of set pixels, int64, shape ``(N,)``.
        centers: Centre of mass ``(x, y)`` in pixel indices, float32, shape ``(N, 2)``; 0 for an empty mask.
        boxes: Tight boxes ``(x1, y1, x2, y2)``, the far sides exclusive, float32, shape ``(N, 4)``; 0 if empty.
    """

    areas: Tensor
    centers: Tensor
    boxes: Tensor


def mask_geometry(masks: Tensor) -> MaskGeometry:
    """Measure binary masks in two passes over their pixels.

    Moments are summed in int64 and divided in float32, as mmdet's ``center_of_mass`` does, so that an object whose
    centre lies on the edge of a grid cell falls into the same cell.

    Args:
        masks: Binary masks, bool or uint8 with values 0 and 1, shape ``(N, H, W)``.

    Returns:
        Areas, centres and boxes.
    """
    columns, rows = masks.sum(dim=1), masks.sum(dim=2)
    areas = columns.sum(dim=1)
    normalizer = areas.float().clamp(min=1e-6)
    centers = torch.stack([_first_moment(columns) / normalizer, _first_moment(rows) / normalizer], dim=1)
    x1, x2 = _extent(columns)
    y1, y2 = _extent(rows)
    boxes = torch.stack([x1, y1, x2, y2], dim=1).float()
    return MaskGeometry(areas, centers, boxes)


def boxes_from_masks(masks: Tensor) -> Tensor:
    """Compute tight boxes of binary masks.

    Args:
        masks: Bool masks, shape ``(N, H, W)``.

    Returns:
        Boxes ``(x1, y1, x2, y2)`` with exclusive far sides, float32, shape ``(N, 4)``; zeros for an empty mask.
    """
    x1, x2 = _extent(masks.any(dim=1))
    y1, y2 = _extent(masks.any(dim=2))
    return torch.stack([x1, y1, x2, y2], dim=1).float()


def _first_moment(histogram: Tensor) -> Tensor:
    return (histogram * torch.arange(histogram.shape[1], device=histogram.device)).sum(dim=1)


def _extent(histogram: Tensor) -> tuple[Tensor, Tensor]:
    """First and one past the last non-zero index of each row; (0, 0) for a row of zeros."""
    length = histogram.shape[1]
    if length == 0:
        empty = torch.zeros(len(histogram), dtype=torch.long, device=histogram.device)
        return empty, empty
    occupied = histogram > 0
    index = torch.arange(length, device=histogram.device)
    last = (occupied * (index + 1)).amax(dim=1)
    first = length - (occupied * (length - index)).amax(dim=1)
    return torch.where(last > 0, first, 0), last
