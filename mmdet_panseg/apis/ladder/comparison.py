"""Each rung against its parent, and whether the difference is more than noise."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from mmdet_panseg.errors import ConfigError

from .run_results import RunResult
from .rungs import Ladder, Rung
from .trained_rungs import trained_rung

NOISE_RULE = (
    'A difference is outside the noise if it is more than twice its standard error, sqrt(s²/n + s²/n) with the sample '
    'variances of rung and parent over n seeds each. A rung that is only tested has the weights of its parent: there '
    'the difference is taken seed by seed, and its standard error is sqrt(s²/n) with the sample variance of the '
    'differences. With fewer than two seeds on either side it is unknown.'
)


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
        outside_noise: By :data:`NOISE_RULE`; None if unknown.
    """

    depth: int
    rung: Rung
    weights: str
    published_difference: float | None
    values: dict[str, dict[int, float]]
    difference: float | None
    outside_noise: bool | None

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
        """Whether the difference has the sign of the published one: ``'same'``, ``'opposite'`` or ``'–'``."""
        if not self.outside_noise or not self.published_difference or self.difference is None:
            return '–'
        return 'same' if (self.difference > 0) == (self.published_difference > 0) else 'opposite'


def compare_rungs(ladder: Ladder, results: Sequence[RunResult]) -> list[RungRow]:
    """Compare each rung with its parent.

    Args:
        ladder: The ladder.
        results: Results of its runs; those of other rungs are left out.

    Returns:
        A row for each rung, parents before children; rungs without a run are among them.

    Raises:
        ConfigError: If no result has the main metric of the ladder.
    """
    _require_main_metric(ladder, results)
    rows: dict[str, RungRow] = {}
    for depth, rung in ladder.walk():
        parent = rows[rung.parent] if rung.parent else None
        values = _values(ladder, rung, results)
        weights = trained_rung(ladder, rung).name
        own = next(iter(values.values()))
        its = next(iter(parent.values.values())) if parent else {}
        difference, outside = _compare_seeds(own, its) if weights != rung.name else _compare_means(own, its)
        rows[rung.name] = RungRow(
            depth=depth,
            rung=rung,
            weights=weights,
            published_difference=_difference(rung.published_ap, parent.rung.published_ap if parent else None),
            values=values,
            difference=difference,
            outside_noise=outside,
        )
    return list(rows.values())


def _require_main_metric(ladder: Ladder, results: Sequence[RunResult]) -> None:
    name, key = next(iter(ladder.metrics.items()))
    if not any(key in result.metrics for result in results):
        known = sorted({known for result in results for known in result.metrics})
        raise ConfigError(
            f'{ladder.folder}: no run has the metric {key!r} ({name}); they have {", ".join(known) or "none"}. Name '
            'one of these in ablation.metrics of the root, or train for longer if nothing was found.'
        )


def _values(ladder: Ladder, rung: Rung, results: Sequence[RunResult]) -> dict[str, dict[int, float]]:
    own = [result for result in results if result.rung == rung.name]
    return {name: {result.seed: 100 * result.value(key) for result in own} for name, key in ladder.metrics.items()}


def _compare_means(own: dict[int, float], its: dict[int, float]) -> tuple[float | None, bool | None]:
    """Difference of two rungs that were trained apart, and whether it is outside the noise."""
    one, other = list(own.values()), list(its.values())
    return _difference(mean_of(one), mean_of(other)), outside_noise(one, other)


def _compare_seeds(own: dict[int, float], its: dict[int, float]) -> tuple[float | None, bool | None]:
    """Difference of two tests of the same weights, and whether it is outside the noise."""
    differences = [own[seed] - its[seed] for seed in own if seed in its]
    # Zeros do not vary, so the differences' own variance is left.
    return mean_of(differences), outside_noise(differences, [0.0] * len(differences))


def mean_of(values: Sequence[float]) -> float | None:
    """Mean, or None without a value."""
    return statistics.fmean(values) if values else None


def _difference(own: float | None, its: float | None) -> float | None:
    return None if own is None or its is None else own - its


def outside_noise(one: Sequence[float], other: Sequence[float]) -> bool | None:
    """Apply :data:`NOISE_RULE` to two samples.

    Args:
        one: Values of one side.
        other: Values of the other.

    Returns:
        Whether the means differ by more than the noise; None if a side has fewer than two values.
    """
    if min(len(one), len(other)) < 2:
        return None
    error = math.sqrt(statistics.variance(one) / len(one) + statistics.variance(other) / len(other))
    return abs(statistics.fmean(one) - statistics.fmean(other)) > 2 * error
