"""Segment maps: from panoptic ids to rows of a table, and from rows to what the table says."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .map_values import VOID_ROW
from .segment_runs import run_lengths, run_starts
from .segment_table import segment_rows


class SegmentMap(NamedTuple):
    """Result of :func:`segment_map_from_ids`.

    Attributes:
        rows: Row of each pixel's segment, ``VOID_ROW`` where there is none, uint16, shape (H, W).
        present: Whether a segment has pixels, bool, shape (N,).
        unknown: Ids on the map that are neither 0 nor among the segments, ascending, int64, shape (U,).
    """

    rows: npt.NDArray[np.uint16]
    present: npt.NDArray[np.bool_]
    unknown: npt.NDArray[np.int64]


def segment_map_from_ids(id_map: npt.NDArray[np.integer], segment_ids: npt.ArrayLike) -> SegmentMap:
    """Replace panoptic ids by rows of a ``SegmentTable``, by one look-up for all segments.

    Args:
        id_map: Panoptic ids, 0 for void, shape (H, W).
        segment_ids: Ids of the segments, each once, shape (N,); segment k gets row ``segment_rows(N)[k]``.

    Returns:
        The map, which segments are on it, and which ids are unknown; the pixels of these are void.
    """
    segment_ids = np.asarray(segment_ids, np.int64)
    order = np.argsort(segment_ids)
    known = segment_ids[order]
    starts = run_starts(id_map)
    run_ids = id_map.reshape(-1)[starts].astype(np.int64)
    place = np.searchsorted(known, run_ids)
    found = place < len(known)
    found[found] = known[place[found]] == run_ids[found]

    segments = order[place[found]]
    run_rows = np.full(len(starts), VOID_ROW, np.uint16)
    run_rows[found] = segment_rows(len(known))[segments]
    present = np.zeros(len(known), bool)
    present[segments] = True
    missed = run_ids[~found]
    rows = np.repeat(run_rows, run_lengths(starts, id_map.size)).reshape(id_map.shape)
    return SegmentMap(rows, present, np.unique(missed[missed != 0]))
