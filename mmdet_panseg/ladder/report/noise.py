"""What difference of two rungs is more than chance."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from scipy.stats import t as student

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
        """Whether a difference is outside the noise.

        Args:
            difference: Difference of means.
            share: Its variance as a multiple of that of one seed: ``1 / n + 1 / m`` for two means.

        Returns:
            The verdict of :data:`NOISE_RULE`.
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


def paired_noise(differences: Sequence[float]) -> Noise:
    """Take the variance of differences between two tests of the same weights.

    Args:
        differences: Two or more, in percent.

    Returns:
        The noise of one difference.
    """
    variance = max(statistics.variance(differences), 2 * _ROUNDING_VARIANCE)
    return Noise(variance, len(differences) - 1)
