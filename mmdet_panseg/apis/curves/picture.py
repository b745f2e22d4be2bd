"""Curves of runs, drawn."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .logs import RunLog
from .table import best_value

_COLUMNS = 3


def curves_picture(runs: Sequence[RunLog], keys: Sequence[str]) -> bytes:
    """Draw a panel for each key with a line for each run; metrics of validations have a dot for each value.

    Args:
        runs: The runs.
        keys: Keys to draw, each in a panel of its own; those of the training come first.

    Returns:
        A PNG file.
    """
    keys = sorted(keys, key=lambda key: not any(key in run.training for run in runs))
    rows, columns = math.ceil(len(keys) / _COLUMNS), min(_COLUMNS, len(keys))
    figure = Figure(figsize=(1 + 4.4 * columns, 0.8 + 3.0 * rows), layout='constrained')
    panels = figure.subplots(rows, columns, squeeze=False).flatten().tolist()
    colors = colormaps['tab10' if len(runs) <= 10 else 'tab20'].colors
    for axes, key in zip(panels, keys, strict=False):
        for place, run in enumerate(runs):
            curve = run.curve(key)
            if curve is None:
                continue
            is_metric = key not in run.training
            color = colors[place % len(colors)]
            axes.plot(
                curve.iterations,
                curve.values,
                color=color,
                linewidth=1.3,
                marker='o' if is_metric else None,
                markersize=3,
            )
            best = best_value(key, curve) if is_metric else None
            if best is not None:
                axes.annotate(
                    f'{best.value:.3g}',
                    (best.iteration, best.value),
                    color=color,
                    fontsize='small',
                    xytext=(0, 4),
                    textcoords='offset points',
                    ha='center',
                )
        axes.set_title(key, fontsize='medium')
        axes.set_xlabel('iteration', fontsize='small')
        axes.grid(alpha=0.3)
    for axes in panels[len(keys) :]:
        axes.set_axis_off()
    handles = [Line2D([], [], color=colors[place % len(colors)], label=run.name) for place, run in enumerate(runs)]
    figure.legend(handles=handles, loc='outside lower center', ncols=min(4, len(runs)), fontsize='small', frameon=False)
    content = io.BytesIO()
    figure.savefig(content, format='png', dpi=110)
    return content.getvalue()
