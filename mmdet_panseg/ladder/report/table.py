"""The table of a ladder as Markdown, CSV and picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from mmdet_panseg.engine import write_atomically
from mmdet_panseg.errors import ConfigError
from mmdet_panseg.ladder.rungs import NOT_KNOWN
from mmdet_panseg.ladder.runs.results import RunResult

from .comparison import RungRow, mean_of
from .noise import NOISE_RULE
from .picture import TESTED_ONLY, ladder_picture


def write_table(
    rows: Sequence[RungRow], results: Sequence[RunResult], out: str | Path, name: str = 'ladder'
) -> list[Path]:
    """Write ``ladder.md``, ``ladder.csv`` and ``ladder.png``.

    Args:
        rows: From :func:`compare_rungs`.
        results: What they were made from.
        out: Folder for the files.
        name: Their name without ending.

    Returns:
        The files, the Markdown first.

    Raises:
        ConfigError: If no rung of the ladder has a result, or the folder cannot be made.
    """
    if not any(row.main for row in rows):
        raise ConfigError('none of the results is of a rung of this ladder; give the work dir of its runs.')
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ConfigError(f'--out {folder}: there is a file of that name; name a folder.') from None
    contents = {
        folder / f'{name}.md': markdown_table(rows, results).encode(),
        folder / f'{name}.csv': csv_table(rows).encode(),
        folder / f'{name}.png': ladder_picture(rows),
    }
    for path, content in contents.items():
        write_atomically(content, path)
    return list(contents)


def markdown_table(rows: Sequence[RungRow], results: Sequence[RunResult]) -> str:
    """Give the table with what its numbers are from; indents show the parents, or a column if one is left out."""
    shown = {row.rung.name for row in rows}
    apart = any(row.rung.parent and row.rung.parent not in shown for row in rows)
    others = list(_cells(rows[0], _published(rows)))[1:]
    columns = ['rung', 'parent', *others] if apart else ['rung', *others]
    lines = [_line(columns), '|' + '---|' * len(columns)]
    for row in rows:
        cells = _cells(row, _published(rows))
        tested_only = f' {TESTED_ONLY}' if row.tests_only else ''
        cells['rung'] = ('' if apart else '&emsp;' * row.depth) + f'`{row.rung.name}`{tested_only}'
        cells['parent'] = row.rung.parent or NOT_KNOWN
        lines.append(_line([cells[column] for column in columns]))
    notes = [_origin(rows, results), NOISE_RULE]
    if any(row.tests_only for row in rows):
        notes.append(f'{TESTED_ONLY} tested with the weights of the nearest rung above that trains.')
    return '\n'.join([*lines, *(line for note in notes for line in ('', note)), ''])


def _line(cells: Sequence[str]) -> str:
    return '| ' + ' | '.join(cell.replace('|', '\\|') for cell in cells) + ' |'


def csv_table(rows: Sequence[RungRow]) -> str:
    """Give the table with parent, weights and metrics of each seed in columns of their own; unknown cells are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    seed_columns = [f'{name} of each seed' for name in rows[0].values]
    writer.writerow([*_cells(rows[0], _published(rows)), 'parent', 'weights of', *seed_columns])
    for row in rows:
        seeds = [' '.join(f'{value:.2f}' for value in of_seed.values()) for of_seed in row.values.values()]
        cells = ['' if cell == NOT_KNOWN else cell for cell in _cells(row, _published(rows)).values()]
        writer.writerow([*cells, row.rung.parent or '', row.weights, *seeds])
    return text.getvalue()


def _published(rows: Sequence[RungRow]) -> bool:
    return any(row.rung.published != NOT_KNOWN for row in rows)


def _cells(row: RungRow, published: bool) -> dict[str, str]:
    """Cells by the names of their columns; ``published`` asks for those that compare with what was published."""
    noise = 'unknown' if row.outside_noise is None else 'yes' if row.outside_noise else 'no'
    main, *others = row.values
    cells = {
        'rung': row.rung.name,
        'change': str(row.rung.ablation.get('change')),
        'schedule': str(row.rung.ablation.get('schedule')),
    }
    if published:
        cells['published COCO AP'] = row.rung.published
        cells['published difference'] = _number(row.published_difference, '+.1f')
    cells['seeds'] = str(len(row.main))
    cells[main] = _number(row.mean, '.2f')
    cells['std'] = _number(row.std, '.2f')
    cells['difference'] = _number(row.difference, '+.2f')
    cells['outside the noise'] = noise if row.difference is not None else NOT_KNOWN
    if published:
        cells['direction'] = row.direction
    cells.update({name: _number(mean_of(list(row.values[name].values())), '.2f') for name in others})
    return cells


def _number(value: float | None, form: str) -> str:
    return NOT_KNOWN if value is None else format(value, form)


def _origin(rows: Sequence[RungRow], results: Sequence[RunResult]) -> str:
    """Say how long was trained, when, and with what."""
    names = {row.rung.name for row in rows}
    own = [result for result in results if result.rung in names]
    dates = sorted(result.date.split()[0] for result in own)
    when = dates[0] if dates[0] == dates[-1] else f'{dates[0]} to {dates[-1]}'
    torch_versions = sorted({f'torch {result.versions["torch"]}' for result in own if 'torch' in result.versions})
    main, noise = next(iter(rows[0].values)), rows[0].seed_noise
    pooled = ''
    if noise:
        pooled = f' s = {noise.deviation:.2f} with {noise.degrees} degrees of freedom, t = {noise.quantile:.2f}.'
    return (
        f'{"; ".join([f"{len(own)} runs", own[0].training, when, *torch_versions])}. Means over the seeds, in percent; '
        f'sample standard deviation (std) and difference are those of the {main}.{pooled}'
    )
