"""The ladder as dots with error bars."""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .comparison import RungRow


def ladder_picture(rows: Sequence[RungRow]) -> bytes:
    """Draw the main metric of each rung, with the published AP beside it if there is any.

    Args:
        rows: From :func:`compare_rungs`.

    Returns:
        A PNG file. Error bars are one sample standard deviation; the lines go from a parent to its child.
    """
    figure = Figure(figsize=(11, 1.5 + 0.28 * len(rows)), layout='constrained')
    FigureCanvasAgg(figure)
    published_aps = {row.rung.name: row.rung.published_ap for row in rows}
    panels = 2 if any(ap is not None for ap in published_aps.values()) else 1
    measured, *published = figure.subplots(1, panels, sharey=True, squeeze=False)[0]
    means = {row.rung.name: row.mean for row in rows}
    _dots(measured, rows, means, 'tab:blue')
    for place, row in enumerate(rows):
        if row.mean is not None and row.std is not None:
            measured.errorbar(row.mean, place, xerr=row.std, color='tab:blue', capsize=3)
    measured.set_yticks(range(len(rows)), ['    ' * row.depth + row.rung.name for row in rows])
    for label in measured.get_yticklabels():
        label.set_horizontalalignment('left')
    measured.tick_params(axis='y', pad=190)
    measured.invert_yaxis()
    measured.set_xlabel(f'{next(iter(rows[0].values))}, measured: mean ± standard deviation')
    for axes in published:
        _dots(axes, rows, published_aps, 'tab:orange')
        axes.set_xlabel('mask AP, published (COCO)')
    for axes in (measured, *published):
        axes.grid(axis='both', alpha=0.3)
    image = io.BytesIO()
    figure.savefig(image, format='png', dpi=110)
    return image.getvalue()


def _dots(axes, rows: Sequence[RungRow], values: dict[str, float | None], color: str) -> None:
    """Mark the values, and draw a line from each parent's to its child's."""
    places = {row.rung.name: place for place, row in enumerate(rows)}
    for row in rows:
        value, parent = values[row.rung.name], row.rung.parent
        if value is None:
            continue
        axes.plot(value, places[row.rung.name], 'o', color=color)
        if parent is not None and values[parent] is not None:
            axes.plot([values[parent], value], [places[parent], places[row.rung.name]], color=color, alpha=0.25)
