"""The table of a ladder as Markdown, CSV and picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from mmdet_panseg.engine import write_atomically
from mmdet_panseg.errors import ConfigError
from mmdet_panseg.ladder.rungs import NOT_KNOWN
from mmdet_panseg.ladder.runs.results import RunResult

from .comparison import NOISE_RULE, RungRow, mean_of
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
        folder / f'{name}.md': _markdown(rows, results).encode(),
        folder / f'{name}.csv': _csv(rows).encode(),
        folder / f'{name}.png': ladder_picture(rows),
    }
    for path, content in contents.items():
        write_atomically(content, path)
    return list(contents)


def _markdown(rows: Sequence[RungRow], results: Sequence[RunResult]) -> str:
    """Give the table with what its numbers are from; indents show the parents, or a column if one is left out."""
    shown = {row.rung.name for row in rows}
    apart = any(row.rung.parent and row.rung.parent not in shown for row in rows)
    records = []
    for row in rows:
        cells = _cells(row, _published(rows))
        name = cells.pop('rung')
        indent, dagger = '' if apart else '&emsp;' * row.depth, '' if row.rung.trains else f' {TESTED_ONLY}'
        parent = {'parent': row.rung.parent or NOT_KNOWN} if apart else {}
        records.append({'rung': f'{indent}`{name}`{dagger}', **parent, **cells})
    notes = [_origin(rows, results), NOISE_RULE]
    if not all(row.rung.trains for row in rows):
        notes.append(f'{TESTED_ONLY} tested with the weights of the nearest rung above that trains.')
    head = [_line(records[0]), '|' + '---|' * len(records[0])]
    return '\n'.join([*head, *(_line(record.values()) for record in records), *(f'\n{note}' for note in notes), ''])


def _line(cells: Iterable[str]) -> str:
    return '| ' + ' | '.join(cell.replace('|', '\\|') for cell in cells) + ' |'


def _csv(rows: Sequence[RungRow]) -> str:
    """Give the table with parent, weights and metrics of each seed in columns of their own; unknown cells are empty."""
    records = []
    for row in rows:
        seeds = {
            f'{name} of each seed': ' '.join(f'{value:.2f}' for value in of_seed.values())
            for name, of_seed in row.values.items()
        }
        known = {name: '' if cell == NOT_KNOWN else cell for name, cell in _cells(row, _published(rows)).items()}
        records.append({**known, 'parent': row.rung.parent or '', 'weights of': row.weights, **seeds})
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]), lineterminator='\n')
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def _published(rows: Sequence[RungRow]) -> bool:
    return any(row.rung.published != NOT_KNOWN for row in rows)


def _cells(row: RungRow, published: bool) -> dict[str, str]:
    """Give the cells by the names of their columns; ``published`` asks for those that compare with publications."""
    main, *others = row.values
    noise = 'unknown' if row.outside_noise is None else 'yes' if row.outside_noise else 'no'
    cells = {
        'rung': row.rung.name,
        'change': str(row.rung.ablation.get('change')),
        'schedule': str(row.rung.ablation.get('schedule')),
        'published COCO AP': row.rung.published,
        'published difference': _number(row.published_difference, '+.1f'),
        'seeds': str(len(row.main)),
        main: _number(row.mean),
        'std': _number(row.std),
        'difference': _number(row.difference, '+.2f'),
        'outside the noise': noise if row.difference is not None else NOT_KNOWN,
        'direction': row.direction,
        **{name: _number(mean_of(row.values[name].values())) for name in others},
    }
    hidden = () if published else ('published COCO AP', 'published difference', 'direction')
    return {name: cell for name, cell in cells.items() if name not in hidden}


def _number(value: float | None, form: str = '.2f') -> str:
    return NOT_KNOWN if value is None else format(value, form)


def _origin(rows: Sequence[RungRow], results: Sequence[RunResult]) -> str:
    """Say how long was trained, when, and with what."""
    names = {row.rung.name for row in rows}
    own = [result for result in results if result.rung in names]
    dates = sorted({result.date.split()[0] for result in own})
    torch_versions = sorted({f'torch {result.versions["torch"]}' for result in own if 'torch' in result.versions})
    facts = [f'{len(own)} runs', own[0].training, ' to '.join(dict.fromkeys((dates[0], dates[-1]))), *torch_versions]
    noise = rows[0].seed_noise
    pooled = ''
    if noise:
        pooled = f' s = {noise.deviation:.2f} with {noise.degrees} degrees of freedom, t = {noise.quantile:.2f}.'
    return (
        f'{"; ".join(facts)}. Means over the seeds, in percent; sample standard deviation (std) and difference are '
        f'those of the {next(iter(rows[0].values))}.{pooled}'
    )
