"""Areas, centres, boxes and masks of all segments of a segment map."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .mask_crops import MaskCrops
from .mask_geometry import MaskGeometry
from .segment_runs import run_lengths, run_starts


def segment_geometry(segment_map: npt.NDArray[np.uint16], num_rows: int) -> MaskGeometry:
    """Measure all segments of a map in one pass over its pixels.

    The measures are those of :func:`~mmdet_panseg.ops.mask_geometry` of the segments' masks, bit for bit. They are
    summed over runs of equal pixels, as exact integers.

    Args:
        segment_map: Row of each pixel's segment, shape (H, W).
        num_rows: Number R of rows of the table, above every value of the map.

    Returns:
        Areas, centres of mass and boxes of each row, zeros for rows without pixels.
    """
    areas = np.zeros(num_rows, np.int64)
    moments = np.zeros((num_rows, 2), np.int64)
    boxes = np.zeros((num_rows, 4), np.float32)
    if segment_map.size:
        rows, sums, extents = _sums_of_runs(segment_map)
        areas[rows], moments[rows], boxes[rows] = sums[0], sums[1:].T, extents.T
    normalizer = np.maximum(areas.astype(np.float32), np.float32(1e-6))
    return MaskGeometry(areas, moments.astype(np.float32) / normalizer[:, None], boxes)


def segment_crops(
    segment_map: npt.NDArray[np.uint16], rows: npt.NDArray[np.integer], boxes: npt.NDArray[np.floating]
) -> MaskCrops:
    """Make binary masks of chosen segments, each in its box.

    Args:
        segment_map: Row of each pixel's segment, shape (H, W).
        rows: Rows of the segments, shape (N,).
        boxes: Their boxes ``(x1, y1, x2, y2)`` in pixels, far sides exclusive, shape (N, 4).

    Returns:
        The masks.
    """
    windows = boxes.astype(np.int64)
    pixels = [
        (segment_map[y1:y2, x1:x2] == row).view(np.uint8)
        for row, (x1, y1, x2, y2) in zip(rows.tolist(), windows.tolist(), strict=True)
    ]
    return MaskCrops(pixels, windows)


def _sums_of_runs(segment_map: npt.NDArray[np.uint16]) -> tuple[npt.NDArray, npt.NDArray, npt.NDArray]:
    """Rows (P,) that have pixels, their (area, x moment, y moment) and their (x1, y1, x2, y2)."""
    starts = run_starts(segment_map)
    values = segment_map.reshape(-1)[starts]
    # A stable sort of short integers is a radix sort.
    order = np.argsort(values, kind='stable')
    values, starts, lengths = values[order], starts[order], run_lengths(starts, segment_map.size)[order]
    y, x = np.divmod(starts, segment_map.shape[1])
    first = np.flatnonzero(np.diff(values, prepend=-1))
    sums = np.add.reduceat([lengths, lengths * x + lengths * (lengths - 1) // 2, lengths * y], first, axis=1)
    x1, x2 = np.minimum.reduceat(x, first), np.maximum.reduceat(x + lengths, first)
    y1, y2 = np.minimum.reduceat(y, first), np.maximum.reduceat(y, first) + 1
    return values[first], sums, np.stack([x1, y1, x2, y2])
