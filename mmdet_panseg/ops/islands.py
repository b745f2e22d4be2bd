"""Connected parts of segments."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from .segment_geometry import segment_geometry


class Islands(NamedTuple):
    """Result of :func:`split_islands`.

    Attributes:
        rows: Row of each pixel's segment or part, uint16, shape (H, W).
        parents: Row of the segment that each part comes from, int64, shape (K,); part k has row ``num_rows + k``.
        leftover: Whether pixels are left in the segments' own rows, bool, shape (N,).
    """

    rows: npt.NDArray[np.uint16]
    parents: npt.NDArray[np.int64]
    leftover: npt.NDArray[np.bool_]


def split_islands(
    segment_map: npt.NDArray[np.uint16],
    rows: npt.NDArray[np.integer],
    min_areas: npt.NDArray[np.integer],
    num_rows: int,
) -> Islands:
    """Give each 8-connected part of chosen segments a row of its own; small parts keep the segment's row.

    Args:
        segment_map: Row of each pixel's segment, shape (H, W).
        rows: Rows of the segments to split, shape (N,).
        min_areas: Smallest area in pixels of a part with a row of its own, shape (N,).
        num_rows: Number R of rows of the table; parts take the rows R, R + 1, ...

    Returns:
        The new map, where its parts come from, and which segments still have pixels.

    Raises:
        ValueError: If the new rows do not fit in a uint16 map.
    """
    split = segment_map.copy()
    boxes = segment_geometry(segment_map, num_rows).boxes.astype(np.int64)
    counts = np.zeros(len(rows), np.int64)
    leftover = np.zeros(len(rows), bool)
    for k, (row, min_area) in enumerate(zip(rows, min_areas, strict=True)):
        x1, y1, x2, y2 = boxes[row]
        window = split[y1:y2, x1:x2]
        if window.size:
            counts[k], leftover[k] = _split_window(window, int(row), int(min_area), num_rows + int(counts.sum()))
    return Islands(split, np.repeat(np.asarray(rows, np.int64), counts), leftover)


def _split_window(window: npt.NDArray[np.uint16], row: int, min_area: int, next_row: int) -> tuple[int, bool]:
    """Give the large parts of a row in its box new rows, in place; tell how many, and whether there are small ones."""
    mask = (window == row).view(np.uint8)
    count, parts, statistics, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    large = 1 + np.flatnonzero(statistics[1:, cv2.CC_STAT_AREA] >= min_area)
    if next_row + len(large) > 2**16:
        raise ValueError(f'{next_row + len(large)} segments and islands do not fit in a uint16 map: raise min_area')
    row_of_part = np.full(count, row, np.uint16)
    row_of_part[large] = np.arange(next_row, next_row + len(large))
    np.copyto(window, row_of_part[parts], where=mask.view(bool))
    return len(large), len(large) < count - 1
