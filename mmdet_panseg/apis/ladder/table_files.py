"""The table of a ladder as Markdown, CSV and picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from mmdet_panseg.engine import write_atomically
from mmdet_panseg.errors import ConfigError

from .comparison import NOISE_RULE, RungRow
from .picture import ladder_picture
from .run_results import RunResult

_COLUMNS = (
    *('rung', 'change', 'schedule', 'published COCO AP', 'published difference'),
    *('seeds', 'mask AP', 'std', 'difference', 'outside the noise', 'direction'),
)


def write_table(rows: Sequence[RungRow], results: Sequence[RunResult], out: str | Path) -> list[Path]:
    """Write ``ladder.md``, ``ladder.csv`` and ``ladder.png``.

    Args:
        rows: From :func:`compare_rungs`.
        results: What they were made from.
        out: Folder for the files.

    Returns:
        The files.

    Raises:
        ConfigError: If no rung of the ladder has a result.
    """
    if not any(row.aps for row in rows):
        raise ConfigError('none of the results is of a rung of this ladder; give the work dir of its runs.')
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        'ladder.md': markdown_table(rows, results).encode(),
        'ladder.csv': csv_table(rows).encode(),
        'ladder.png': ladder_picture(rows),
    }
    for name, content in contents.items():
        write_atomically(content, folder / name)
    return [folder / name for name in contents]


def markdown_table(rows: Sequence[RungRow], results: Sequence[RunResult]) -> str:
    """Give the table with what its numbers are from; indents show the parents."""
    lines = ['| ' + ' | '.join(_COLUMNS) + ' |', '|' + '---|' * len(_COLUMNS)]
    for row in rows:
        cells = _cells(row)
        cells[0] = '&emsp;' * row.depth + f'`{cells[0]}`'
        lines.append('| ' + ' | '.join(cell.replace('|', '\\|') for cell in cells) + ' |')
    return '\n'.join([*lines, '', _origin(results), '', NOISE_RULE, ''])


def csv_table(rows: Sequence[RungRow]) -> str:
    """Give the table with the parent's name and the AP of each seed in columns of their own."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow([*_COLUMNS, 'parent', 'AP of each seed'])
    for row in rows:
        aps = ' '.join(f'{ap:.2f}' for ap in row.aps)
        writer.writerow([*_cells(row), row.rung.parent or '', aps])
    return text.getvalue()


def _cells(row: RungRow) -> list[str]:
    noise = 'unknown' if row.outside_noise is None else 'yes' if row.outside_noise else 'no'
    return [
        row.rung.name,
        str(row.rung.ablation.get('change')),
        str(row.rung.ablation.get('schedule')),
        row.rung.published,
        _number(row.published_difference, '+.1f'),
        str(len(row.aps)),
        _number(row.mean, '.2f'),
        _number(row.std, '.2f'),
        _number(row.difference, '+.2f'),
        noise if row.difference is not None else '–',
        row.direction,
    ]


def _number(value: float | None, form: str) -> str:
    return '–' if value is None else format(value, form)


def _origin(results: Sequence[RunResult]) -> str:
    """Say how long was trained, when, and with what."""
    dates = sorted(result.date.split()[0] for result in results)
    torch_versions = sorted({str(result.versions.get('torch')) for result in results})
    when = dates[0] if dates[0] == dates[-1] else f'{dates[0]} to {dates[-1]}'
    return (
        f'{len(results)} runs; the root trains for {results[0].root_iterations} iterations; {when}; '
        f'torch {", ".join(torch_versions)}. Mean and sample standard deviation (std) of the mask AP over the seeds, '
        'in percent.'
    )
