"""Soft masks of an image's cells on demand, at one size for all levels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from mmdet_panseg.ops import masks_per_chunk, resize_masks, split_levels

from .level_masks import LevelMasks
from .mask_source import MaskSource


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

    def chunks(self, cells: Tensor) -> Iterator[Tensor]:
        """Yield the probabilities of ascending cells, a chunk at a time, each ``(n, H, W)``."""
        for level, (_, level_cells) in enumerate(split_levels(cells, self.level_cells)):
            if len(level_cells):
                masks = self.levels[level]
                soft_masks = masks.prepare(level_cells, partial(self._probabilities, masks))
                for part in level_cells.split(masks_per_chunk(self.size, self.memory_budget, copies=masks.copies)):
                    yield soft_masks(part)

    def all(self, cells: Tensor) -> Tensor:
        """Probabilities of ascending cells, shape ``(N, H, W)``."""
        nothing = torch.zeros(0, *self.size, device=cells.device)
        return torch.cat([nothing, *self.chunks(cells)])

    def _probabilities(self, masks: LevelMasks, logits: Tensor) -> Tensor:
        logits = resize_masks(logits, masks.size)
        if self.resize == 'logits':
            return resize_masks(logits, self.size).sigmoid()
        return resize_masks(logits.sigmoid(), self.size)
