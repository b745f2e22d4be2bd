"""Mask targets in their boxes, as a field of mmengine's ``InstanceData``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmdet_panseg.ops import MaskCrops


class BoxedTargets:
    """Binary targets of ``N`` objects at one stride, each in a window.

    Args:
        pixels: Pixels of all windows, one after the other, row by row, uint8, shape ``(sum of areas,)``.
        windows: ``(x1, y1, x2, y2)``, far sides exclusive, int64, shape ``(N, 4)``.
        size: Height and width of a target.
    """

    def __init__(self, pixels: Tensor, windows: Tensor, size: tuple[int, int]) -> None:
        self.pixels = pixels
        self.windows = windows
        self.size = size

    @classmethod
    def from_crops(cls, crops: MaskCrops, size: tuple[int, int]) -> BoxedTargets:
        """Take targets of height and width ``size``."""
        flat = [np.zeros(0, np.uint8), *(crop.reshape(-1) for crop in crops.pixels)]
        return cls(torch.from_numpy(np.concatenate(flat)), torch.from_numpy(crops.windows), size)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number, height and width of the targets."""
        return len(self.windows), *self.size

    def __len__(self) -> int:
        """Count the targets."""
        return len(self.windows)

    def __getitem__(self, index: slice | np.ndarray | Tensor) -> BoxedTargets:
        """Choose targets by a slice, by numbers or by flags."""
        index = torch.from_numpy(index) if isinstance(index, np.ndarray) else index
        numbers = torch.arange(len(self), device=self.windows.device)[index]
        return BoxedTargets(self.pixels[self._places(numbers)[1]], self.windows[numbers], self.size)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Give all targets in full, shape ``(N, height, width)``."""
        return self.dense(torch.arange(len(self), device=self.windows.device)).cpu().numpy().astype(dtype or np.uint8)

    def to(self, *args: Any, **kwargs: Any) -> BoxedTargets:
        """Move the targets to another device."""
        return BoxedTargets(self.pixels.to(*args, **kwargs), self.windows.to(*args, **kwargs), self.size)

    @staticmethod
    def cat(targets: Sequence[BoxedTargets]) -> BoxedTargets:
        """Join targets of one size."""
        pixels, windows = (torch.cat([getattr(own, key) for own in targets]) for key in ('pixels', 'windows'))
        return BoxedTargets(pixels, windows, targets[0].size)

    def dense(self, index: Tensor) -> Tensor:
        """Give some targets in full.

        Args:
            index: Their numbers, int64, shape ``(K,)``.

        Returns:
            Values 0 and 1, uint8, shape ``(K, height, width)``.
        """
        height, width = self.size
        owners, places, within = self._places(index)
        x1, y1, x2, _ = self.windows[index].unbind(dim=1)
        rows = within // (x2 - x1)[owners]
        columns = within - rows * (x2 - x1)[owners]
        full = self.pixels.new_zeros(len(index) * height * width)
        full[(owners * height + rows + y1[owners]) * width + columns + x1[owners]] = self.pixels[places]
        return full.view(len(index), height, width)

    def _places(self, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Find for each pixel of some targets its target, its place in ``pixels`` and its place in the window."""
        sides = self.windows[:, 2:] - self.windows[:, :2]
        areas = sides.prod(dim=1)
        counts = areas[index]
        owners = torch.arange(len(index), device=index.device).repeat_interleave(counts)
        within = torch.arange(len(owners), device=index.device) - (counts.cumsum(0) - counts)[owners]
        return owners, (areas.cumsum(0) - areas)[index][owners] + within, within
