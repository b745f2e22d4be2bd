"""How often pairs of values meet at the pixels of two maps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .segment_runs import run_lengths

_BITS = 31


class PixelPairs(NamedTuple):
    """The different pairs of values of two maps, ordered by their first and then their second value.

    Attributes:
        first: Value in the first map, int64, shape ``(P,)``.
        second: Value in the second map, int64, shape ``(P,)``.
        counts: Number of pixels with this pair, int64, shape ``(P,)``.
    """

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]


def count_pixel_pairs(first: npt.NDArray[np.integer], second: npt.NDArray[np.integer]) -> PixelPairs:
    """Count the pairs of values that two maps have at the same pixels.

    Segments are connected along rows, so the maps are cut into runs of equal pairs first: there are some twenty times
    fewer runs than pixels, and only they are sorted.

    Args:
        first: Values from 0 to 2³¹ - 1, shape ``(H, W)``.
        second: The same for the other map.

    Returns:
        The pairs that occur.

    Raises:
        ValueError: If the shapes differ, or a value is outside its range.
    """
    if first.shape != second.shape:
        raise ValueError(f'maps of different shapes: {first.shape} and {second.shape}')
    if first.size == 0:
        nothing = np.zeros(0, np.int64)
        return PixelPairs(nothing, nothing, nothing)
    first, second = first.ravel(), second.ravel()
    ends = first[1:] != first[:-1]
    ends |= second[1:] != second[:-1]
    starts = np.concatenate(([0], np.flatnonzero(ends) + 1))
    keys, places = np.unique((_checked(first[starts]) << _BITS) | _checked(second[starts]), return_inverse=True)
    # weights are float64, exact up to 2⁵³ pixels
    counts = np.bincount(places, weights=run_lengths(starts, first.size)).astype(np.int64)
    return PixelPairs(keys >> _BITS, keys & ((1 << _BITS) - 1), counts)


def _checked(values: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high >= 1 << _BITS:
        raise ValueError(f'map values must be from 0 to 2**{_BITS} - 1, found {low if low < 0 else high}')
    return values.astype(np.int64)
