"""Masks that are products of a map of the cell's column and one of its row."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from mmdet_panseg.ops import distinct_indices, places_of

from .level_masks import LevelMasks


class ProductMasks(LevelMasks):
    """Masks of decoupled SOLO: cell ``(i, j)`` of an ``S × S`` grid has the mask ``x_j · y_i`` (section 3.4 of SOLO).

    At most ``2 S`` maps are kept, and as many finished ones; products live as long as their chunk.

    Args:
        columns: Columns that have a map, ascending and distinct, int64, shape ``(X,)``.
        column_logits: Logits of their maps, float32 or better, shape ``(X, h, w)``.
        rows: Rows that have a map, ascending and distinct, int64, shape ``(Y,)``.
        row_logits: Logits of their maps, shape ``(Y, h, w)``.
        num_grid: ``S``.
    """

    # Two factors, gathered for each cell, and their product come on top of what the loss needs.
    copies = 8

    def __init__(self, columns: Tensor, column_logits: Tensor, rows: Tensor, row_logits: Tensor, num_grid: int) -> None:
        self.columns = columns
        self.column_logits = column_logits
        self.rows = rows
        self.row_logits = row_logits
        self.num_grid = num_grid
        self.size = tuple(column_logits.shape[1:])

    def prepare(self, cells: Tensor, finish: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """Finish the factors of cells, each once; arguments as in :meth:`LevelMasks.prepare`."""
        x = self._finished_factors(self.column_logits, self.columns, cells % self.num_grid, finish)
        y = self._finished_factors(self.row_logits, self.rows, cells // self.num_grid, finish)
        return lambda chosen: x(chosen % self.num_grid) * y(chosen // self.num_grid)

    def _finished_factors(
        self, logits: Tensor, lines: Tensor, wanted: Tensor, finish: Callable[[Tensor], Tensor]
    ) -> Callable[[Tensor], Tensor]:
        """Finish each wanted line's map and repeat it for the cells that share it."""
        wanted = distinct_indices(wanted, self.num_grid)
        maps = finish(logits.index_select(0, places_of(lines, self.num_grid)[wanted]))
        places = places_of(wanted, self.num_grid)
        return lambda chosen: maps.index_select(0, places[chosen])
