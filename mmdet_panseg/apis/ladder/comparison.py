"""Each rung against its parent, and whether the difference is more than noise."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .run_results import RunResult
from .rungs import Ladder, Rung

NOISE_RULE = (
    'A difference is outside the noise if it is more than twice its standard error, sqrt(s²/n + s²/n) with the sample '
    'variances of rung and parent over n seeds each; with fewer than two seeds on either side it is unknown.'
)


@dataclass(frozen=True)
class RungRow:
    """One line of the table; AP in percent.

    Attributes:
        depth: Steps below the root.
        rung: The rung.
        published_difference: Published AP minus the parent's; None if one of the two was not published.
        aps: AP of each seed.
        difference: Mean minus the parent's mean; None if one of the two was not measured.
        outside_noise: By :data:`NOISE_RULE`; None if unknown.
    """

    depth: int
    rung: Rung
    published_difference: float | None
    aps: list[float]
    difference: float | None
    outside_noise: bool | None

    @property
    def mean(self) -> float | None:
        """Mean over the seeds; None without a run."""
        return statistics.fmean(self.aps) if self.aps else None

    @property
    def std(self) -> float | None:
        """Sample standard deviation over the seeds; None with fewer than two."""
        return statistics.stdev(self.aps) if len(self.aps) > 1 else None

    @property
    def direction(self) -> str:
        """Whether the difference has the sign of the published one: ``'same'``, ``'opposite'`` or ``'–'``."""
        if not self.outside_noise or not self.published_difference or self.difference is None:
            return '–'
        return 'same' if (self.difference > 0) == (self.published_difference > 0) else 'opposite'


def compare_rungs(ladder: Ladder, results: Iterable[RunResult]) -> list[RungRow]:
    """Compare each rung with its parent.

    Args:
        ladder: The ladder.
        results: Results of its runs; those of other rungs are left out.

    Returns:
        A row for each rung, parents before children; rungs without a run are among them.
    """
    aps: dict[str, list[float]] = defaultdict(list)
    for result in results:
        aps[result.rung].append(100 * result.ap)
    rows = []
    for depth, rung in ladder.walk():
        parent = ladder.rungs[rung.parent] if rung.parent else None
        own, its = aps[rung.name], aps[parent.name] if parent else []
        rows.append(
            RungRow(
                depth=depth,
                rung=rung,
                published_difference=_difference(rung.published_ap, parent.published_ap if parent else None),
                aps=own,
                difference=statistics.fmean(own) - statistics.fmean(its) if own and its else None,
                outside_noise=outside_noise(own, its),
            )
        )
    return rows


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
