"""Last and best values of curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from rich.table import Table

from .logs import Curve, RunLog

_LOW_IS_BETTER, _NEITHER = ('loss', 'error'), ('lr', 'time', 'memory', 'grad_norm', 'momentum')


class BestValue(NamedTuple):
    """The best value of a curve.

    Attributes:
        value: The value.
        iteration: Where it was first reached.
    """

    value: float
    iteration: int


def best_value(key: str, curve: Curve) -> BestValue | None:
    """Find the lowest loss or error, or the highest value of another metric.

    Args:
        key: Key of the curve.
        curve: The curve.

    Returns:
        The best value; None where no direction is better, as of learning rates, or nothing is finite.
    """
    finite = np.isfinite(curve.values)
    if key.rsplit('/')[-1].startswith(_NEITHER) or 'time' in key or not finite.any():
        return None
    sign = -1 if any(word in key.lower() for word in _LOW_IS_BETTER) else 1
    place = int(np.where(finite, sign * curve.values, -np.inf).argmax())
    return BestValue(float(curve.values[place]), int(curve.iterations[place]))


def curves_table(runs: Sequence[RunLog], keys: Sequence[str]) -> Table:
    """List last and best value of each curve.

    Args:
        runs: The runs.
        keys: Keys to list.

    Returns:
        A table to print.
    """
    table = Table('run', 'key', title='curves')
    for heading in ('last', 'at iteration', 'best', 'at iteration', 'values'):
        table.add_column(heading, justify='right')
    for run in runs:
        for key in keys:
            curve = run.curve(key)
            if curve is None:
                continue
            best = best_value(key, curve)
            table.add_row(
                run.name,
                key,
                f'{curve.values[-1]:.4g}',
                str(curve.iterations[-1]),
                *(('–', '–') if best is None else (f'{best.value:.4g}', str(best.iteration))),
                str(len(curve.values)),
            )
        table.add_section()
    return table
