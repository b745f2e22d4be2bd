"""Local maxima of class scores on a grid."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def suppress_non_peaks(scores: Tensor) -> Tensor:
    """Set scores to zero that are not the maximum of the 2×2 window ending at them.

    Args:
        scores: Class probabilities on a grid, shape ``(B, C, S, S)``.

    Returns:
        Scores with the same shape, zero outside the peaks.
    """
    maximum = F.max_pool2d(scores, 2, stride=1, padding=1)[:, :, :-1, :-1]
    return scores * (maximum == scores)


def flatten_levels(maps: list[Tensor]) -> Tensor:
    """Put the cells of all levels one after the other.

    Args:
        maps: Per level ``(B, C, S_l, S_l)``.

    Returns:
        Shape ``(B, sum of S_l², C)``.
    """
    return torch.cat([level.flatten(2).transpose(1, 2) for level in maps], dim=1)
