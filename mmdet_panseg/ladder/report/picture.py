"""The ladder as dots with error bars."""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .comparison import RungRow

TESTED_ONLY = '†'
_MEASURED, _PUBLISHED = 'tab:blue', 'tab:orange'


def ladder_picture(rows: Sequence[RungRow]) -> bytes:
    """Draw the main metric of each rung, with the published AP beside it if there is any.

    Args:
        rows: From :func:`compare_rungs`.

    Returns:
        A PNG file. Error bars are one sample standard deviation; the lines go from a parent to its child. A dot is
        filled if the difference from the parent is outside the noise, and that of a root.
    """
    figure = Figure(figsize=(11, 2.2 + 0.28 * len(rows)), layout='constrained')
    metric = next(iter(rows[0].values))
    folder = '/'.join(rows[0].rung.path.parts[-3:-1])
    figure.suptitle(f'{folder}: {metric} of each rung; lines lead from its parent')
    published_aps = {row.rung.name: row.rung.published_ap for row in rows}
    panels = 2 if any(ap is not None for ap in published_aps.values()) else 1
    measured, *published = figure.subplots(1, panels, sharey=True, squeeze=False)[0]
    _measured_dots(measured, rows)
    measured.set_xlabel(f'{metric} in percent, measured: mean ± standard deviation')
    for axes in published:
        _lines(axes, rows, published_aps, _PUBLISHED)
        known = {place: ap for place, ap in enumerate(published_aps.values()) if ap is not None}
        axes.plot(list(known.values()), list(known), 'o', color=_PUBLISHED)
        axes.set_xlabel('mask AP in percent, published (COCO)')
    for axes in (measured, *published):
        axes.grid(axis='both', alpha=0.3)
    figure.legend(handles=_legend(rows), loc='outside lower center', ncols=4, fontsize='small', frameon=False)
    image = io.BytesIO()
    figure.savefig(image, format='png', dpi=110)
    return image.getvalue()


def _measured_dots(axes: Axes, rows: Sequence[RungRow]) -> None:
    _lines(axes, rows, {row.rung.name: row.mean for row in rows}, _MEASURED)
    for place, row in enumerate(rows):
        if row.mean is not None:
            filled = row.outside_noise or row.difference is None  # a root has nothing to differ from
            face = _MEASURED if filled else 'white'
            axes.errorbar(row.mean, place, xerr=row.std, fmt='o', color=_MEASURED, capsize=3, markerfacecolor=face)
    axes.set_yticks(range(len(rows)), [_label(row) for row in rows])
    for label in axes.get_yticklabels():
        label.set_horizontalalignment('left')
    axes.tick_params(axis='y', pad=230)
    axes.invert_yaxis()


def _label(row: RungRow) -> str:
    dagger = '' if row.rung.trains else f' {TESTED_ONLY}'
    seeds = f' ({len(row.main)})' if row.main else ''
    return '    ' * row.depth + row.rung.name + dagger + seeds


def _legend(rows: Sequence[RungRow]) -> list[Line2D]:
    dot = dict(linestyle='', marker='o', color=_MEASURED)
    handles = [
        Line2D([], [], label='the start, or outside the noise', **dot),
        Line2D([], [], label='within it, or not known', markerfacecolor='white', **dot),
        Line2D([], [], linestyle='', label='(n) seeds'),
    ]
    if not all(row.rung.trains for row in rows):
        handles.append(Line2D([], [], linestyle='', label=f"{TESTED_ONLY} tested with another rung's weights"))
    return handles


def _lines(axes: Axes, rows: Sequence[RungRow], values: dict[str, float | None], color: str) -> None:
    """Draw a line from each parent's value to its child's."""
    places = {row.rung.name: place for place, row in enumerate(rows)}
    for row in rows:
        name, parent = row.rung.name, row.rung.parent or ''
        if None not in (values[name], values.get(parent)):
            axes.plot([values[parent], values[name]], [places[parent], places[name]], color=color, alpha=0.25)
