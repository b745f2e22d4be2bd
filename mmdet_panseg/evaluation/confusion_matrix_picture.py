"""Picture of a confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_MAX_CLASSES_WITH_NUMBERS = 25
_INCHES_PER_CLASS = 0.16
_INCHES_PER_CLASS_WITH_NUMBERS = 0.42


def draw_confusion_matrix(matrix: npt.NDArray[np.int64], names: Sequence[str], path: str | Path) -> None:
    """Draw a confusion matrix, each row as shares of its true class.

    The picture grows with the number of classes, so that every name stays readable; up to 25 classes the cells have
    their share in percent. Rows of classes that do not occur in the ground truth are grey.

    Args:
        matrix: Pixels by true class (row) and predicted class (column), shape ``(K, K)``.
        names: Names of the classes, K.
        path: Picture file; its folder is made.
    """
    totals = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, totals, out=np.full(matrix.shape, np.nan), where=totals > 0)
    with_numbers = len(names) <= _MAX_CLASSES_WITH_NUMBERS
    side = max(len(names) * (_INCHES_PER_CLASS_WITH_NUMBERS if with_numbers else _INCHES_PER_CLASS), 2.5)
    figure = Figure(figsize=(side + 3, side + 2), layout='constrained')
    axes = figure.add_subplot()
    axes.set_facecolor('0.85')
    image = axes.imshow(shares, cmap='Blues', vmin=0, vmax=1, interpolation='nearest')
    size = 9 if with_numbers else 7
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.set_xlabel('predicted class')
    axes.set_ylabel('true class')
    figure.colorbar(image, ax=axes, shrink=0.6, aspect=30, label='share of the pixels of the true class')
    if with_numbers:
        _write_shares(axes, shares)
    else:
        axes.tick_params(top=True, labeltop=True, right=True, labelright=True)
        axes.grid(color='0.9', linewidth=0.4)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def _write_shares(axes: Axes, shares: npt.NDArray[np.float64]) -> None:
    for (row, column), share in np.ndenumerate(shares):
        if share >= 0.005:
            color = 'white' if share > 0.5 else 'black'
            axes.text(column, row, f'{100 * share:.0f}', ha='center', va='center', color=color, fontsize=8)
