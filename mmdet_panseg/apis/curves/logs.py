"""The scalars that mmengine's log files hold, joined over the pieces of a run that was interrupted and resumed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmdet_panseg.errors import ConfigError, near_names

_NO_VALUES = ('iter', 'step', 'epoch')


@dataclass(frozen=True)
class Curve:
    """Values of one scalar.

    Attributes:
        iterations: Where they were measured, ascending, int64, shape (N,).
        values: The values, float64, shape (N,).
    """

    iterations: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class RunLog:
    """The scalars of a run.

    Attributes:
        name: Name of the run.
        training: Curves of the training by key.
        validation: Curves of the metrics by key.
    """

    name: str
    training: dict[str, Curve]
    validation: dict[str, Curve]

    def curve(self, key: str) -> Curve | None:
        """Give the curve of a key, None if the run has none."""
        return self.training.get(key) or self.validation.get(key)

    def known_keys(self) -> list[str]:
        """Give all keys, those of the training first."""
        return list(dict.fromkeys([*self.training, *self.validation]))


def read_run(path: str | Path, name: str | None = None) -> RunLog:
    """Read the log of a run.

    A work dir has a folder for each start. They are joined by the time of the start: where a later one goes back behind
    the end of an earlier one, as a training resumed from a checkpoint does, the earlier one counts up to there. Tests
    and lines that a crash has cut are left out.

    Args:
        path: Work dir, folder of one start in it, or one log file.
        name: Name of the run; default that of the folder or file.

    Returns:
        Its curves. Where the log gives the epoch of a validation, its iteration is that of the last record before.

    Raises:
        ConfigError: If there is no log of a training.
    """
    path = Path(path)
    training: dict[str, dict[int, float]] = {}
    validation: dict[str, dict[int, float]] = {}
    for file in _log_files(path):
        records = list(_records(file))
        first = min((record['iter'] for record in records if 'iter' in record), default=None)
        if first is None:
            continue
        for values in (*training.values(), *validation.values()):
            for iteration in [known for known in values if known >= first]:
                del values[iteration]
        for iteration, is_training, values in _placed(records):
            for key, value in values.items():
                (training if is_training else validation).setdefault(key, {})[iteration] = value
    curves = [{key: _curve(values) for key, values in part.items() if values} for part in (training, validation)]
    if not curves[0]:
        raise ConfigError(
            f'{path}: no log of a training; name a work dir, in which mmengine writes <time>/vis_data/scalars.json, or '
            'such a file.'
        )
    return RunLog(name or path.resolve().name, *curves)


def read_runs(paths: Sequence[str | Path]) -> list[RunLog]:
    """Read several runs; arguments as in :func:`read_run`.

    Returns:
        Their logs, named by the ends of their paths that tell them apart.
    """
    parts = [Path(path).resolve().parts for path in paths]
    length = 1
    while len({part[-length:] for part in parts}) < len(set(parts)):
        length += 1
    return [read_run(path, '/'.join(part[-length:])) for path, part in zip(paths, parts, strict=True)]


def choose_keys(runs: list[RunLog], keys: list[str] | None = None) -> list[str]:
    """Choose what to show: what is asked for, or else the loss, its parts if there is one run, and the main metrics.

    Args:
        runs: The runs.
        keys: Keys that are asked for.

    Returns:
        Keys that at least one of the runs has.

    Raises:
        ConfigError: If no run has one of ``keys``.
    """
    known = list(dict.fromkeys(key for run in runs for key in run.known_keys()))
    for key in keys or ():
        if key not in known:
            raise ConfigError(f'--keys {key}: no run has it.{near_names(key, known)} There are {", ".join(known)}.')
    if keys:
        return list(dict.fromkeys(keys))
    losses = [key for run in runs for key in run.training if 'loss' in key and (key == 'loss' or len(runs) == 1)]
    metrics = [key for run in runs for key in run.validation]
    main = [key for key in metrics if key.rsplit('/')[-1] in ('segm_mAP', 'bbox_mAP', 'mIoU', 'PQ')]
    return list(dict.fromkeys([*losses, *(main or metrics[:4])])) or known[:1]


def _log_files(path: Path) -> list[Path]:
    if not path.exists():
        raise ConfigError(f'{path}: there is no such folder or file.')
    if path.is_file():
        return [path]
    # The folders' names are the times of their starts.
    return sorted([*path.glob('vis_data/scalars.json'), *path.glob('*/vis_data/scalars.json')])


def _records(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding='utf-8', errors='replace') as lines:
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                yield record


def _placed(records: list[dict[str, Any]]) -> Iterator[tuple[int, bool, dict[str, float]]]:
    """Give iteration, whether it is of the training, and the values of each record."""
    last = 0
    for record in records:
        is_training = 'iter' in record
        if is_training:
            last = int(record['iter'])
        elif 'step' not in record:
            continue
        # The step of a validation is an iteration or, as mmengine has it by default, an epoch, often 0.
        iteration = last if is_training else max(last, int(record['step']))
        numbers = {
            key: float(value)
            for key, value in record.items()
            if key not in _NO_VALUES and isinstance(value, (int, float)) and not isinstance(value, bool)
        }
        yield iteration, is_training, numbers


def _curve(values: dict[int, float]) -> Curve:
    iterations = sorted(values)
    return Curve(np.array(iterations, dtype=np.int64), np.array([values[iteration] for iteration in iterations]))
