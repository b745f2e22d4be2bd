"""Soft masks of an image's cells on demand, at one size for all levels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from mmdet_panseg.ops import masks_per_chunk, resize_masks, split_levels

from .level_masks import LevelMasks
from .mask_source import MaskSource


class MaskChunk(NamedTuple):
    """Some cells of an image with their masks.

    Attributes:
        cells: Ascending cells, numbered over all levels, shape ``(n,)``.
        probabilities: Shape ``(n, H, W)``.
    """

    cells: Tensor
    probabilities: Tensor


class ImageMasks:
    """Soft masks of an image's cells on demand, at one size for all levels (1/4 of the input).

    Args:
        sources: Every cell of the batch whose mask may be asked for, by level and image.
        image: Index of the image.
        level_cells: Number of cells of each level.
        size: Height and width of the soft masks.
        resize: What is resized, logits or probabilities.
        memory_budget: Bytes for one chunk.
    """

    def __init__(
        self,
        sources: Sequence[MaskSource],
        image: int,
        level_cells: Sequence[int],
        size: tuple[int, int],
        resize: str,
        memory_budget: int,
    ) -> None:
        own = [source for source in sources if source.image == image]
        self.levels = {source.level: source.provider(source.cells) for source in own}
        self.level_cells = level_cells
        self.size = size
        self.resize = resize
        self.memory_budget = memory_budget

    def chunks(self, cells: Tensor) -> Iterator[MaskChunk]:
        """Yield the probabilities of ascending cells, at least one chunk, which may be empty."""
        if len(cells) == 0:
            yield MaskChunk(cells, torch.zeros(0, *self.size, device=cells.device))
        for level, (place, level_cells) in enumerate(split_levels(cells, self.level_cells)):
            if len(level_cells):
                masks = self.levels[level]
                soft_masks = masks.prepare(level_cells, partial(self.probabilities, masks))
                step = masks_per_chunk(self.size, self.memory_budget, copies=masks.copies)
                for numbers, part in zip(cells[place].split(step), level_cells.split(step), strict=True):
                    yield MaskChunk(numbers, soft_masks(part))

    def all(self, cells: Tensor) -> Tensor:
        """Probabilities of ascending cells, shape ``(N, H, W)``."""
        return torch.cat([chunk.probabilities for chunk in self.chunks(cells)])

    def probabilities(self, masks: LevelMasks, logits: Tensor) -> Tensor:
        """Turn logits ``(n, h, w)`` of a level's masks into probabilities ``(n, H, W)``."""
        logits = resize_masks(logits, masks.size)
        if self.resize == 'logits':
            return resize_masks(logits, self.size).sigmoid()
        return resize_masks(logits.sigmoid(), self.size)
