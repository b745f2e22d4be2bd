"""Ascending lists of some of the indices below a known count, made by marking, not by sorting."""

from __future__ import annotations

import torch
from torch import Tensor


def distinct_indices(indices: Tensor, count: int) -> Tensor:
    """List the different values of a list of indices.

    Args:
        indices: Values ``0 .. count - 1`` in any order, int64, shape ``(N,)``.
        count: Number of possible values.

    Returns:
        The values that occur, ascending, int64, shape ``(M,)``.
    """
    occurs = torch.zeros(count, dtype=torch.bool, device=indices.device)
    return occurs.index_fill(0, indices, True).nonzero()[:, 0]


def places_of(distinct: Tensor, count: int) -> Tensor:
    """Tell where each index stands in a list of different indices.

    Args:
        distinct: Different values ``0 .. count - 1``, int64, shape ``(M,)``.
        count: Number of possible values.

    Returns:
        Place of each value in the list, 0 if it is not there, int64, shape ``(count,)``.
    """
    places = torch.zeros(count, dtype=torch.long, device=distinct.device)
    return places.scatter(0, distinct, torch.arange(distinct.shape[0], device=distinct.device))
