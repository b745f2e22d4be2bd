"""What difference of two rungs is more than chance."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

NOISE_RULE = (
    'A difference is outside the noise if it is more than twice its standard error, s·sqrt(1/n + 1/m) for n and m '
    'seeds of rung and parent. s² is the sample variance of the seeds, pooled over all rungs that were trained with '
    'two or more, as that of two or three seeds says little. A rung that is only tested has the weights of its '
    'parent: there the difference is taken seed by seed, and its standard error is sqrt(s²/n) with the sample '
    'variance of the differences, unknown with one seed.'
)


def pooled_variance(samples: Sequence[Sequence[float]]) -> float | None:
    """Variance within samples that vary alike, each around its own mean.

    Args:
        samples: Values of each sample; those with one value or none say nothing.

    Returns:
        Sum of the squared distances from the means, divided by the number of values less that of the means; None if no
        sample has two values.
    """
    several = [sample for sample in samples if len(sample) > 1]
    if not several:
        return None
    squares = sum((len(sample) - 1) * statistics.variance(sample) for sample in several)
    return squares / sum(len(sample) - 1 for sample in several)


def outside_noise(difference: float, variance: float) -> bool:
    """Whether a difference with this variance is more than twice its standard error."""
    return abs(difference) > 2 * math.sqrt(variance)
