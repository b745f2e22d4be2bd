"""Tables for the log."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from mmengine.logging import print_log
from terminaltables import AsciiTable


def log_table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table to the log of the run.

    Args:
        title: Line above the table.
        header: Heads of the columns.
        rows: Cells; floats get four digits, and NaN, a class that does not occur, is a dash.
    """
    cells = [list(header), *([_shown(cell) for cell in row] for row in rows)]
    table = AsciiTable(cells)
    table.justify_columns = {column: 'right' for column in range(1, len(header))}
    print_log(f'{title}\n{table.table}', logger='current')


def _shown(cell: object) -> str:
    if not isinstance(cell, float):
        return str(cell)
    return '-' if math.isnan(cell) else f'{cell:.4f}'
