"""Each rung against its parent, and whether the difference is more than noise."""

from __future__ import annotations

import functools
import logging
import math
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mmengine.logging import print_log
from scipy.stats import t as student

from mmdet_panseg.errors import ConfigError
from mmdet_panseg.ladder.rungs import NOT_KNOWN, Ladder, Rung
from mmdet_panseg.ladder.runs.results import RunResult
from mmdet_panseg.ladder.runs.settings import RunSettings

# In percent²: COCO's metrics have three digits, so that equal ones may differ.
_ROUNDING_VARIANCE = 0.1**2 / 12

NOISE_RULE = (
    'A difference is outside the noise if it is more than t standard errors, where t is the 97.5 % quantile of '
    "Student's distribution: of 20 rungs that change nothing, one is outside. The standard error is s·sqrt(1/n + 1/m) "
    'for n and m seeds of rung and parent. s is the standard deviation of the seeds, pooled over all rungs that were '
    'trained with two or more, as that of two or three seeds says little; this assumes that the seeds of all rungs '
    'vary alike, and rungs with equal results of all seeds count once. A rung that is only tested has the weights of '
    'its parent: there the difference is taken seed by seed, and its standard error and t come from these differences '
    'alone. With one seed they are unknown. No variance is taken to be less than that of rounding to .1 %.'
)


class Noise(NamedTuple):
    """Variance between seeds, and how well it is known.

    Attributes:
        variance: Sample variance.
        degrees: Its degrees of freedom.
    """

    variance: float
    degrees: int

    @property
    def deviation(self) -> float:
        """Standard deviation."""
        return math.sqrt(self.variance)

    @property
    def quantile(self) -> float:
        """How many standard errors a difference by chance exceeds in one of 20 cases."""
        return float(student.ppf(0.975, self.degrees))

    def exceeded_by(self, difference: float, share: float) -> bool:
        """Whether a difference of means is outside the noise, by :data:`NOISE_RULE`.

        Args:
            difference: Difference of means.
            share: Its variance as a multiple of that of one seed: ``1 / n + 1 / m`` for two means.
        """
        return abs(difference) > self.quantile * math.sqrt(self.variance * share)


def pooled_noise(samples: Sequence[Sequence[float]]) -> Noise | None:
    """Pool the variance within samples that vary alike, each around its own mean.

    Args:
        samples: Values of each sample, in percent. Those with one value or none say nothing, nor do those of zeros: a
            model that never finds anything does not vary. Equal samples count once: a change that does not touch the
            data repeats the trainings of its parent.

    Returns:
        The noise; None if no sample says anything.
    """
    several = {tuple(sample) for sample in samples if len(sample) > 1 and any(sample)}
    if not several:
        return None
    degrees = sum(len(sample) - 1 for sample in several)
    pooled = sum((len(sample) - 1) * statistics.variance(sample) for sample in several) / degrees
    return Noise(max(pooled, _ROUNDING_VARIANCE), degrees)


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
    """Leave out results of configs that have changed since, with a warning for each, but none that were made by hand.

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
                'delete its folder and run it again.',
                'current',
                logging.WARNING,
            )
    if not current:
        raise ConfigError(f'{ladder.folder}: the configs of all runs have changed since; train with `ladder.py run`.')
    return current


def compare_rungs(
    ladder: Ladder, results: Sequence[RunResult], metric: str | None = None, only: Collection[str] | None = None
) -> list[RungRow]:
    """Compare each rung with its parent.

    Args:
        ladder: The rungs.
        results: Results of their runs; those of other rungs are left out.
        metric: Name of the main metric, which rungs are compared by; default the first of the ladder's.
        only: Names of rungs; None for all. Noise and differences are those of the whole ladder all the same.

    Returns:
        A row for each rung, parents before children; rungs without a run are among them.

    Raises:
        ConfigError: If the ladder has no such metric or rung, or no result has the metric.
    """
    ladder.require_rungs(only or ())
    metrics = _metrics(ladder, results, metric)
    values = {name: _values(name, results, metrics) for name in ladder.rungs}
    main = {name: next(iter(of_metric.values())) for name, of_metric in values.items()}
    noise = pooled_noise([list(main[rung.name].values()) for rung in ladder.rungs.values() if rung.trains])
    rows = []
    for depth, rung in ladder.walk():
        parent = ladder.rungs[rung.parent] if rung.parent else None
        compare = _compare_means if rung.trains else _compare_seeds
        difference, outside = compare(main[rung.name], main[parent.name] if parent else {}, noise)
        published = _difference(rung.published_ap, parent.published_ap if parent else None)
        weights = ladder.trained(rung).name
        rows.append(RungRow(depth, rung, weights, published, values[rung.name], difference, outside, noise))
    return [row for row in rows if not only or row.rung.name in only]


def _metrics(ladder: Ladder, results: Sequence[RunResult], main: str | None) -> dict[str, str]:
    """Give the ladder's metrics with the main one first."""
    first = main or next(iter(ladder.metrics))
    if first not in ladder.metrics:
        raise ConfigError(f'{ladder.folder}: there is no metric {main!r}; take one of {", ".join(ladder.metrics)}.')
    key = ladder.metrics[first]
    if not any(key in result.metrics or not result.metrics for result in results):
        known = sorted({known for result in results for known in result.metrics})
        raise ConfigError(
            f'{ladder.folder}: no run has the metric {key!r} ({first}); they have {", ".join(known) or "none"}. Name '
            'one of these in ablation.metrics of the root.'
        )
    return {first: key, **ladder.metrics}


def _values(rung: str, results: Sequence[RunResult], metrics: Mapping[str, str]) -> dict[str, dict[int, float]]:
    own = [result for result in results if result.rung == rung]
    return {
        name: {result.seed: 100 * value for result in own if (value := result.value(key)) is not None}
        for name, key in metrics.items()
    }


def _compare_means(
    own: Mapping[int, float], its: Mapping[int, float], noise: Noise | None
) -> tuple[float | None, bool | None]:
    """Give the difference of two rungs that were trained apart, and whether it is outside the noise."""
    difference = _difference(mean_of(own.values()), mean_of(its.values()))
    if difference is None or noise is None:
        return difference, None
    return difference, noise.exceeded_by(difference, 1 / len(own) + 1 / len(its))


def _compare_seeds(
    own: Mapping[int, float], its: Mapping[int, float], noise: Noise | None
) -> tuple[float | None, bool | None]:
    """Give the difference of two tests of the same weights, and whether it is outside the noise of this difference."""
    differences = [own[seed] - its[seed] for seed in own if seed in its]
    difference = mean_of(differences)
    if difference is None or len(differences) < 2:
        return difference, None
    paired = Noise(max(statistics.variance(differences), 2 * _ROUNDING_VARIANCE), len(differences) - 1)
    return difference, paired.exceeded_by(difference, 1 / len(differences))


def mean_of(values: Collection[float]) -> float | None:
    """Give the mean, or None without a value."""
    return statistics.fmean(values) if values else None


def _difference(own: float | None, its: float | None) -> float | None:
    return None if own is None or its is None else own - its
