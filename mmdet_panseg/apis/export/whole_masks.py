"""Prediction of an image's instances without chunks, as a graph of tensors has to do it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from mmdet_panseg.models.heads.cell_masks.image_masks import ImageMasks, MaskChunk
from mmdet_panseg.models.heads.cell_masks.mask_source import MaskSource
from mmdet_panseg.models.heads.cell_masks.prediction import CellMaskPredictor
from mmdet_panseg.ops import places_of


class WholeMasks(ImageMasks):
    """Soft masks that are computed once and for all chosen cells.

    :class:`ImageMasks` computes them anew for each step, a chunk at a time, to bound the memory; a graph has no loops
    whose length depends on the image, and keeps them.

    Args:
        sources: The chosen cells of the image, a source for every level.
        cells: The same cells, numbered over all levels, ascending, shape ``(N,)``.
        level_cells: Number of cells of each level.
        size: Height and width of the soft masks.
        resize: What is resized, logits or probabilities.
    """

    def __init__(
        self,
        sources: Sequence[MaskSource],
        cells: Tensor,
        level_cells: Sequence[int],
        size: tuple[int, int],
        resize: str,
    ) -> None:
        super().__init__(sources, 0, level_cells, size, resize, memory_budget=0)
        levels = [self.levels[source.level] for source in sources]
        self.computed = torch.cat(
            [
                masks.compute(source.cells, partial(self.probabilities, masks))
                for source, masks in zip(sources, levels, strict=True)
            ]
        )
        self.places = places_of(cells, sum(level_cells))

    def chunks(self, cells: Tensor) -> Iterator[MaskChunk]:
        """Yield the probabilities of all asked cells."""
        yield MaskChunk(cells, self.computed[self.places[cells]])


class WholePredictor(CellMaskPredictor):
    """Predictor whose steps take all candidates at once."""

    def chosen_cells(self, scores: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Find the cells whose masks are computed, and on each level the first one.

        A level without a cell would be empty tensors, which runtimes support in part.

        Args:
            scores: Class scores of all cells of the image, shape ``(cells, K)``.

        Returns:
            Ascending cells, numbered over all levels, and per level those numbered within it.
        """
        firsts = [first for count in self.level_cells for first in (True, *[False] * (count - 1))]
        chosen = (scores > self.score_thr).any(dim=1) | torch.tensor(firsts, device=scores.device)
        by_level = [of_level.nonzero()[:, 0] for of_level in chosen.split(list(self.level_cells))]
        for cells in by_level:
            torch._check(cells.shape[0] >= 1)
        return chosen.nonzero()[:, 0], by_level

    def _intersections(self, masks: Tensor) -> Tensor:
        flat = masks.flatten(1).float()
        return flat @ flat.T
