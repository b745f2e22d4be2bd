"""What is kept of a finished run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from mmdet_panseg.engine import write_atomically
from mmdet_panseg.environment import versions
from mmdet_panseg.errors import ConfigError

from .jobs import RunJob

_DATE = '%Y-%m-%d %H:%M:%S'


@dataclass(frozen=True)
class RunResult:
    """Outcome of a training and its test; the defaults are those of what the ladder did not train itself.

    Attributes:
        rung: Name of the rung.
        seed: Seed of the training.
        metrics: All metrics of the test by name; None for those without ground truth.
        date: When the run was finished.
        root_iterations: Length of the root's training in the same ladder.
        data: Those that were trained on, see :class:`RunSettings`.
        settings: Other settings that all runs of the ladder have in common, as text.
        versions: Versions of the libraries by name, as far as they are known.
        rung_digest: Of the rung's config for these data, without the settings.
    """

    rung: str
    seed: int
    metrics: dict[str, float | None]
    date: str
    root_iterations: int | None = None
    data: str = ''
    settings: str = ''
    versions: dict[str, str | None] = field(default_factory=dict)
    rung_digest: str = ''

    @property
    def training(self) -> str:
        """By what runs are comparable, as text."""
        if self.root_iterations is None:
            return 'trainings with tools/train.py as their configs say'
        return f'{self.root_iterations} iterations of the root {self.settings}'.strip()

    def value(self, metric: str) -> float | None:
        """Give a metric by name, 0 to 1; None if the test has no such number.

        A table without any number is one of a model that found nothing at all, for which mmdet gives none: 0.
        """
        table = metric.partition('/')[0] + '/'
        return self.metrics.get(metric) if any(name.startswith(table) for name in self.metrics) else 0.0


def store_result(job: RunJob) -> RunResult:
    """Write the result of a run from what ``tools/test.py`` has left in its folder."""
    result = RunResult(
        rung=job.rung,
        seed=job.seed,
        metrics=json.loads((job.folder / 'test' / 'test_metrics.json').read_text())['metrics'],
        date=time.strftime(_DATE),
        root_iterations=job.root_iterations,
        data=job.settings.data,
        settings=job.settings.text,
        versions=versions(),
        rung_digest=job.rung_digest,
    )
    write_atomically((json.dumps(asdict(result), indent=2) + '\n').encode(), job.result_path)
    return result


def read_results(work_dir: str | Path) -> list[RunResult]:
    """Read the results of a ladder's runs, or of rungs that ``tools/train.py`` trained and ``tools/test.py`` tested.

    Args:
        work_dir: Folder of all runs. Those of the ladder are in ``RUNG/seedN``; others are read from the files that
            ``tools/test.py`` writes, ``RUNG/test_metrics.json`` and ``RUNG/seedN/test_metrics.json``.

    Returns:
        Results by rung and seed.

    Raises:
        ConfigError: If there are none, one cannot be read, or they are of trainings with different lengths or settings.
    """
    results = [*_read_runs(Path(work_dir)), *_read_tests(Path(work_dir))]
    if not results:
        raise ConfigError(
            f'{work_dir}: no results (RUNG/seedN/result.json, or RUNG/test_metrics.json of tools/test.py); '
            'train with `ladder.py run` first.'
        )
    trainings = sorted({result.training for result in results})
    if len(trainings) > 1:
        raise ConfigError(
            f'{work_dir}: holds trainings that cannot be compared ({"; ".join(trainings)}); '
            'give each --data, --max-iters, --amp and --cfg-options a --work-dir of its own.'
        )
    return results


def _read_runs(work_dir: Path) -> Iterator[RunResult]:
    for path in sorted(work_dir.glob('*/seed*/result.json')):
        yield read_result(path)


def read_result(path: Path) -> RunResult:
    """Read what :func:`store_result` wrote.

    Raises:
        ConfigError: If it is another file.
    """
    try:
        values = json.loads(path.read_text())
        return RunResult(**{field.name: values[field.name] for field in fields(RunResult)})
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ConfigError(f'{path}: is no result of a run ({error!r}); delete it and run again.') from error


def _read_tests(work_dir: Path) -> Iterator[RunResult]:
    for path in sorted([*work_dir.glob('*/test_metrics.json'), *work_dir.glob('*/seed*/test_metrics.json')]):
        rung, *seed = path.relative_to(work_dir).parts[:-1]
        try:
            yield RunResult(
                rung=rung,
                seed=int(seed[0].removeprefix('seed')) if seed else 0,
                metrics=json.loads(path.read_text())['metrics'],
                date=time.strftime(_DATE, time.localtime(path.stat().st_mtime)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f'{path}: is no result of tools/test.py ({error!r}); test again.') from error
