"""Learning curves as a table and a picture."""

from __future__ import annotations

import io
import statistics
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from mmdet_panseg.engine import write_atomically
from mmdet_panseg.errors import ConfigError, near_names
from mmdet_panseg.ladder.learning_curve import CurvePoint
from mmdet_panseg.ladder.rungs import NOT_KNOWN
from mmdet_panseg.ladder.runs.results import read_result

from .comparison import pooled_noise

Curves = dict[str, dict[int, list[float]]]
"""By config and number of images, the metric of each seed in percent."""


def write_curve(points: Sequence[CurvePoint], metric: str, folder: Path) -> list[Path]:
    """Write ``learning_curve.md`` and ``learning_curve.png`` from the results of all runs.

    Args:
        points: From :func:`~mmdet_panseg.ladder.plan_curve`; their runs are finished.
        metric: Name that the tests give, such as ``coco/segm_mAP``.
        folder: For the two files.

    Returns:
        The files, the table first.

    Raises:
        ConfigError: If no test has such a metric.
    """
    results = [(point, [read_result(job.result_path) for job in point.jobs]) for point in points]
    tests = [result.metrics for _, of_point in results for result in of_point]
    if any(tests) and not any(metric in found for found in tests):  # a model that finds nothing may have no table
        known = sorted(set().union(*tests))
        near = near_names(metric, known) or f' They have {", ".join(known)}.'
        raise ConfigError(f'--metric {metric}: no test has such a number.{near}')
    curves: Curves = {}
    for point, of_point in results:
        values = [100 * value for result in of_point if (value := result.value(metric)) is not None]
        if values:
            curves.setdefault(point.config, {})[point.images] = values
    files = {
        folder / 'learning_curve.md': curve_table(curves, metric).encode(),
        folder / 'learning_curve.png': curve_picture(curves, metric),
    }
    for path, content in files.items():
        write_atomically(content, path)
    return list(files)


def curve_table(curves: Curves, metric: str) -> str:
    """Give one row for each config and one column for each number of images, as Markdown."""
    numbers = sorted({number for curve in curves.values() for number in curve})
    head = ['config', *(f'{number} images' for number in numbers)]
    rows = [[f'`{name}`', *(_cell(curve.get(number, [])) for number in numbers)] for name, curve in curves.items()]
    lines = ['| ' + ' | '.join(row) + ' |' for row in (head, *rows)]
    lines.insert(1, '|' + '---|' * len(head))
    noise = pooled_noise([values for curve in curves.values() for values in curve.values()])
    pooled = f' Pooled over all of them it is {noise.deviation:.2f}.' if noise else ''
    return '\n'.join([*lines, '', f'`{metric}` in percent: mean ± sample standard deviation of the seeds.{pooled}', ''])


def _cell(values: Sequence[float]) -> str:
    if not values:
        return NOT_KNOWN
    spread = f' ± {statistics.stdev(values):.2f}' if len(values) > 1 else ''
    return f'{statistics.fmean(values):.2f}{spread}'


def curve_picture(curves: Curves, metric: str) -> bytes:
    """Draw the mean of the seeds as a line and their range as a band, for each config; a PNG file."""
    figure = Figure(figsize=(8, 5), layout='constrained')
    axes = figure.subplots()
    for name, curve in curves.items():
        numbers, values = list(curve), list(curve.values())
        (line,) = axes.plot(numbers, list(map(statistics.fmean, values)), marker='o', label=name)
        axes.fill_between(numbers, list(map(min, values)), list(map(max, values)), color=line.get_color(), alpha=0.2)
    ticks = sorted({number for curve in curves.values() for number in curve})
    axes.set_xscale('log')
    axes.set_xticks(ticks, list(map(str, ticks)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel('training images')
    axes.set_ylabel(f'{metric} in percent: mean and range of the seeds')
    axes.grid(alpha=0.3)
    axes.legend()
    image = io.BytesIO()
    figure.savefig(image, format='png', dpi=110)
    return image.getvalue()
