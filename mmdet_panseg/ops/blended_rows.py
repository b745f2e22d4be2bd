"""Logits of overlapping tiles, blended one row of tiles after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .tile_grid import blend_weights


class LogitBand(NamedTuple):
    """Some rows of the blended logits, with the rows beside them that an interpolation looks at.

    Attributes:
        logits: Shape ``(C, above + n + below, W)``.
        first: Index of the first of the ``n`` rows.
        above: Number of rows in ``logits`` before it, 0 or 1.
        below: Number of rows in ``logits`` after the last one, 0 or 1.
    """

    logits: Tensor
    first: int
    above: int
    below: int


class BlendedRows:
    """Blend the logits of tiles, and hand on the rows that no later tile touches; only one row of tiles is kept.

    Args:
        channels: Number of channels C.
        cells: Height and width of the whole grid in cells.
        device: Where the logits are.
    """

    def __init__(self, channels: int, cells: tuple[int, int], device: torch.device | str = 'cpu') -> None:
        self.cells = cells
        self._sums = torch.zeros(channels, 0, cells[1], device=device)
        self._weights = torch.zeros(0, cells[1], device=device)
        self._top = 0
        # The last two rows that are final: the one above the next band, and its first, which waits for its neighbour.
        self._held = torch.zeros(channels, 0, cells[1], device=device)

    def add(self, logits: Tensor, row: int, column: int) -> None:
        """Blend the logits of a tile in.

        Args:
            logits: Shape ``(C, h, w)``.
            row: Its first row in the grid, not above that of earlier tiles.
            column: Its first column.

        Raises:
            ValueError: If rows that were handed on are touched.
        """
        if row < self._top:
            raise ValueError(f'row {row} was handed on already; tiles come in rows')
        height, width = logits.shape[1:]
        missing = row - self._top + height - self._sums.shape[1]
        if missing > 0:
            self._sums = F.pad(self._sums, (0, 0, 0, missing))
            self._weights = F.pad(self._weights, (0, 0, 0, missing))
        down, across = (torch.from_numpy(blend_weights(side)).to(logits) for side in (height, width))
        weights = down[:, None] * across
        window = slice(row - self._top, row - self._top + height), slice(column, column + width)
        self._sums[:, window[0], window[1]] += logits * weights
        self._weights[window] += weights

    def finish(self, row: int) -> Iterator[LogitBand]:
        """Hand on what is final because the next tiles begin at a row.

        Args:
            row: First row of the tiles that come; the height of the grid if there are none.

        Yields:
            At most one band.
        """
        count = row - self._top
        final = self._sums[:, :count] / self._weights[:count]
        # Copies: views would keep the rows of all tiles.
        self._sums, self._weights = self._sums[:, count:].clone(), self._weights[count:].clone()
        self._top = row
        held = self._held
        logits = torch.cat([held, final], dim=1)
        is_last = row == self.cells[0]
        above = max(0, held.shape[1] - 1)
        below = 0 if is_last else 1
        self._held = logits[:, -2:].clone()
        if logits.shape[1] > above + below:
            yield LogitBand(logits, row - logits.shape[1] + above, above, below)


def split_band(band: LogitBand, most: int) -> Iterator[LogitBand]:
    """Cut a band into bands of few rows.

    Args:
        band: The band.
        most: Greatest number of rows, at least one.

    Yields:
        Bands that together have the rows of the band.
    """
    rows = band.logits.shape[1]
    for start in range(band.above, rows - band.below, most):
        end = min(start + most, rows - band.below)
        above, below = min(1, start), min(1, rows - end)
        yield LogitBand(band.logits[:, start - above : end + below], band.first + start - band.above, above, below)
