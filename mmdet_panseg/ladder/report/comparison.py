"""Each rung against its parent, and whether the difference is more than noise."""

from __future__ import annotations

import functools
import logging
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mmengine.logging import print_log

from mmdet_panseg.errors import ConfigError
from mmdet_panseg.ladder.rungs import NOT_KNOWN, Ladder, Rung
from mmdet_panseg.ladder.runs.results import RunResult
from mmdet_panseg.ladder.runs.settings import RunSettings
from mmdet_panseg.ladder.trained_rungs import trained_rung

from .noise import Noise, paired_noise, pooled_noise


@dataclass(frozen=True)
class RungRow:
    """One line of the table; metrics in percent.

    Attributes:
        depth: Steps below the root.
        rung: The rung.
        weights: Name of the rung whose weights are tested: its own, or that of an ancestor if it does not train.
        published_difference: Published AP minus the parent's; None if one of the two was not published.
        values: By name of the metric, the main one first, its value by seed.
        difference: Mean of the main metric minus the parent's; None if one of the two was not measured.
        outside_noise: By :data:`~mmdet_panseg.ladder.NOISE_RULE`; None if unknown.
        seed_noise: Noise of the main metric in all rungs that were trained; None with one seed each.
    """

    depth: int
    rung: Rung
    weights: str
    published_difference: float | None
    values: dict[str, dict[int, float]]
    difference: float | None
    outside_noise: bool | None
    seed_noise: Noise | None

    @property
    def tests_only(self) -> bool:
        """Whether the weights are those of another rung."""
        return self.weights != self.rung.name

    @property
    def main(self) -> list[float]:
        """The main metric of each seed."""
        return list(next(iter(self.values.values())).values())

    @property
    def mean(self) -> float | None:
        """Mean of the main metric over the seeds; None without a run."""
        return mean_of(self.main)

    @property
    def std(self) -> float | None:
        """Sample standard deviation of the main metric over the seeds; None with fewer than two."""
        return statistics.stdev(self.main) if len(self.main) > 1 else None

    @property
    def direction(self) -> str:
        """Whether the difference has the sign of the published one of AP: ``'same'``, ``'opposite'`` or ``'–'``."""
        if not self.outside_noise or not self.published_difference or self.difference is None:
            return NOT_KNOWN
        return 'same' if (self.difference > 0) == (self.published_difference > 0) else 'opposite'


def current_results(ladder: Ladder, results: Sequence[RunResult]) -> list[RunResult]:
    """Leave out results of configs that have changed since, with a warning for each.

    Args:
        ladder: The ladder as it is now.
        results: Results of its runs.

    Returns:
        Those of the rungs as they are now, and all that the ladder did not train itself.

    Raises:
        ConfigError: If none is left.
    """

    @functools.cache
    def digest_now(rung: str, data: str) -> str | None:
        try:
            return RunSettings(data).rung_digest(ladder, ladder.rungs[rung])
        except ConfigError:  # no longer one for these data
            return None

    current = []
    for result in results:
        known = result.data and result.rung in ladder.rungs
        if not known or digest_now(result.rung, result.data) == result.rung_digest:
            current.append(result)
        else:
            print_log(
                f'{result.rung}/seed{result.seed}: left out, since the config has changed after this run; '
                'delete its folder and --run again.',
                'current',
                logging.WARNING,
            )
    if not current:
        raise ConfigError(f'{ladder.folder}: the configs of all runs have changed since; train with --run again.')
    return current


def compare_rungs(
    ladder: Ladder, results: Sequence[RunResult], metric: str | None = None, only: Collection[str] | None = None
) -> list[RungRow]:
    """Compare each rung with its parent.

    Args:
        ladder: The ladder.
        results: Results of its runs; those of other rungs are left out.
        metric: Name of the main metric, which rungs are compared by; default the first of the ladder's.
        only: Names of rungs; None for all. Noise and differences are those of the whole ladder all the same.

    Returns:
        A row for each rung, parents before children; rungs without a run are among them.

    Raises:
        ConfigError: If the ladder has no such metric or rung, or no result has the metric.
    """
    ladder.require_rungs(only or ())
    metrics = _metrics(ladder, results, metric)
    values = {rung.name: _values(rung, results, metrics) for _, rung in ladder.walk()}
    main = {name: next(iter(of_metric.values())) for name, of_metric in values.items()}
    trained = {rung.name: trained_rung(ladder, rung).name for _, rung in ladder.walk()}
    noise = pooled_noise([list(main[name].values()) for name in main if trained[name] == name])
    rows: dict[str, RungRow] = {}
    for depth, rung in ladder.walk():
        parent = rows[rung.parent] if rung.parent else None
        own, its = main[rung.name], main[parent.rung.name] if parent else {}
        if trained[rung.name] == rung.name:
            difference, outside = _compare_means(list(own.values()), list(its.values()), noise)
        else:
            difference, outside = _compare_seeds(own, its)
        rows[rung.name] = RungRow(
            depth=depth,
            rung=rung,
            weights=trained[rung.name],
            published_difference=_difference(rung.published_ap, parent.rung.published_ap if parent else None),
            values=values[rung.name],
            difference=difference,
            outside_noise=outside,
            seed_noise=noise,
        )
    return [row for name, row in rows.items() if not only or name in only]


def _metrics(ladder: Ladder, results: Sequence[RunResult], main: str | None) -> dict[str, str]:
    """The ladder's metrics with the main one first."""
    if main is not None and main not in ladder.metrics:
        raise ConfigError(f'{ladder.folder}: there is no metric {main!r}; take one of {", ".join(ladder.metrics)}.')
    first = main or next(iter(ladder.metrics))
    key = ladder.metrics[first]
    if not any(key in result.metrics or not result.metrics for result in results):
        known = sorted({known for result in results for known in result.metrics})
        raise ConfigError(
            f'{ladder.folder}: no run has the metric {key!r} ({first}); they have {", ".join(known) or "none"}. Name '
            'one of these in ablation.metrics of the root.'
        )
    return {first: key, **ladder.metrics}


def _values(rung: Rung, results: Sequence[RunResult], metrics: Mapping[str, str]) -> dict[str, dict[int, float]]:
    own = [result for result in results if result.rung == rung.name]
    return {
        name: {result.seed: 100 * value for result in own if (value := result.value(key)) is not None}
        for name, key in metrics.items()
    }


def _compare_means(own: list[float], its: list[float], noise: Noise | None) -> tuple[float | None, bool | None]:
    """Difference of two rungs that were trained apart, and whether it is outside the noise."""
    difference = _difference(mean_of(own), mean_of(its))
    if difference is None or noise is None:
        return difference, None
    return difference, noise.exceeded_by(difference, 1 / len(own) + 1 / len(its))


def _compare_seeds(own: dict[int, float], its: dict[int, float]) -> tuple[float | None, bool | None]:
    """Difference of two tests of the same weights, and whether it is outside the noise."""
    differences = [own[seed] - its[seed] for seed in own if seed in its]
    difference = mean_of(differences)
    if difference is None or len(differences) < 2:
        return difference, None
    return difference, paired_noise(differences).exceeded_by(difference, 1 / len(differences))


def mean_of(values: Sequence[float]) -> float | None:
    """Mean, or None without a value."""
    return statistics.fmean(values) if values else None


def _difference(own: float | None, its: float | None) -> float | None:
    return None if own is None or its is None else own - its
