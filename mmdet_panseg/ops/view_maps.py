"""Maps of one view of an image (mirrored, at another scale), brought back to the image."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .cell_masks import masks_per_chunk, resize_masks

MIRRORED_AXES = {None: (), 'horizontal': (-1,), 'vertical': (-2,), 'diagonal': (-2, -1)}
"""Axes along which a view is mirrored, by mmdet's name of the direction."""


class ViewMaps(NamedTuple):
    """Maps of a view: logits or probabilities of masks, logits of classes.

    Attributes:
        values: Shape ``(N, h, w)``; floats, or probabilities as bool or as bytes from 0 to 255.
        scale: Factor by which the maps are enlarged to the pixels of the view.
        crop: Height and width of the view within the enlarged maps, in pixels; what is beyond is padding.
        flip: How the view is mirrored: ``'horizontal'``, ``'vertical'``, ``'diagonal'`` or None.
    """

    values: Tensor
    scale: int
    crop: tuple[int, int]
    flip: str | None = None

    def select(self, index: Tensor | slice) -> ViewMaps:
        """Choose some of the maps."""
        return self._replace(values=self.values[index])

    def per_chunk(self, size: tuple[int, int], memory_budget: int) -> int:
        """Tell how many maps can be brought to a size at a time, at least 1; the budget is in bytes."""
        enlarged = self.values.shape[-2] * self.scale, self.values.shape[-1] * self.scale
        return masks_per_chunk(max(size, enlarged, key=math.prod), memory_budget)


def maps_of_image(view: ViewMaps, size: tuple[int, int]) -> Tensor:
    """Enlarge maps bilinearly, cut the padding off, resize them to the image and mirror them back.

    Args:
        view: The maps.
        size: Height and width of the image in pixels.

    Returns:
        Floats, shape ``(N, *size)``.
    """
    values = _as_floats(view.values)
    enlarged = values.shape[-2] * view.scale, values.shape[-1] * view.scale
    maps = resize_masks(resize_masks(values, enlarged)[:, : view.crop[0], : view.crop[1]], size)
    axes = MIRRORED_AXES[view.flip]
    return maps.flip(axes) if axes else maps


def cell_positions(view: ViewMaps) -> tuple[Tensor, Tensor]:
    """Give the centres of a view's cells that the image covers, as fractions of its height and width.

    Args:
        view: The view, whose ``flip`` is not looked at.

    Returns:
        Rows, shape ``(ceil(crop height / scale),)``, and columns alike.
    """
    like = _as_floats(view.values[:0])
    rows, columns = (
        (torch.arange(-(-side // view.scale), dtype=like.dtype, device=like.device) + 0.5) * view.scale / side
        for side in view.crop
    )
    return rows, columns


def sampled_maps(view: ViewMaps, rows: Tensor, columns: Tensor) -> Tensor:
    """Interpolate maps of a view at places of the image, without enlarging them.

    Args:
        view: The maps.
        rows: Vertical places as fractions of the image's height, shape ``(R,)``.
        columns: Horizontal places as fractions of its width, shape ``(C,)``.

    Returns:
        Floats, shape ``(N, R, C)``.
    """
    values = _as_floats(view.values)
    if len(values) == 0:
        return values.new_zeros(0, len(rows), len(columns))
    places = []
    for axis, fractions in ((-2, rows), (-1, columns)):
        inside = 1 - fractions if axis in MIRRORED_AXES[view.flip] else fractions
        places.append(2 * inside * (view.crop[axis] / (view.scale * values.shape[axis])) - 1)
    y, x = torch.meshgrid(*places, indexing='ij')
    grid = torch.stack([x, y], dim=2).to(values.dtype)
    return F.grid_sample(values[None], grid[None], padding_mode='border', align_corners=False)[0]


def binary_masks(view: ViewMaps, size: tuple[int, int], *, threshold: float, memory_budget: int) -> Tensor:
    """Bring soft masks to the size of the image, some at a time, and compare them with a threshold.

    Args:
        view: Logits or probabilities of masks.
        size: Height and width of the image in pixels.
        threshold: What a pixel of a mask is above.
        memory_budget: Bytes for one chunk.

    Returns:
        Bool, shape ``(N, *size)``.
    """
    masks = torch.zeros(len(view.values), *size, dtype=torch.bool, device=view.values.device)
    step = view.per_chunk(size, memory_budget)
    for start in range(0, len(masks), step):
        part = slice(start, start + step)
        torch.gt(maps_of_image(view.select(part), size), threshold, out=masks[part])
    return masks


def _as_floats(values: Tensor) -> Tensor:
    if values.dtype == torch.uint8:
        # Bytes were rounded down.
        return (values.float() + 0.5) / 256
    return values if values.is_floating_point() else values.float()
