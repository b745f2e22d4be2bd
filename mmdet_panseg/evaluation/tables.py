"""Tables for the log."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy.typing as npt
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


def log_classwise(
    title: str,
    names: Sequence[str],
    measures: Mapping[str, npt.NDArray],
    counts: Mapping[str, npt.NDArray],
) -> dict[str, float]:
    """Print the values of each class, and name those that a metric returns.

    Args:
        title: Line above the table.
        names: Names of the classes, K.
        measures: Columns to print and to return, each of shape ``(K,)``.
        counts: Further columns to print.

    Returns:
        Value of each measure by ``<class>_<measure>``.
    """
    columns = {**measures, **counts}
    rows = list(zip(names, *(column.tolist() for column in columns.values()), strict=True))
    log_table(title, ('class', *columns), rows)
    return {f'{name}_{measure}': value for name, *row in rows for measure, value in zip(measures, row, strict=False)}


def _shown(cell: object) -> str:
    if not isinstance(cell, float):
        return str(cell)
    return '-' if math.isnan(cell) else f'{cell:.4f}'
