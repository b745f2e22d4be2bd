"""Runs of equal values along the rows of a map.

A map of segments has tens of times fewer runs than pixels, so what is done once per run costs next to nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def run_starts(values: npt.NDArray) -> npt.NDArray[np.int64]:
    """Find where runs of equal values start; a run ends with its row at the latest.

    Args:
        values: Map of any type, shape (H, W).

    Returns:
        Flat indices ``y * W + x`` of the first pixels of the runs, ascending, int64, shape (R,).
    """
    changes = np.empty(values.shape, bool)
    changes[:, :1] = True
    np.not_equal(values[:, 1:], values[:, :-1], out=changes[:, 1:])
    return np.flatnonzero(changes)


def run_lengths(starts: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    """Count the pixels of each run.

    Args:
        starts: Result of :func:`run_starts`, shape (R,).
        size: Number of pixels of the map.

    Returns:
        Lengths in pixels, int64, shape (R,).
    """
    return np.diff(starts, append=size)
