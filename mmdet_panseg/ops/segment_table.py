"""What the values of a segment map mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
import numpy.typing as npt

from .map_values import MAX_SEGMENTS, VOID_LABEL, VOID_ROW


@dataclass(frozen=True)
class SegmentTable:
    """Properties of the segments of one image, indexed by the values of its segment map.

    A segment map is a uint16 array of shape (H, W) whose values are rows of this table. Maps are augmented, tables
    are edited: ``labels[map]`` is the semantic map, ``ids[map]`` the ids of the panoptic PNG. Tables are never
    changed in place; ``dataclasses.replace`` makes an edited copy.

    Attributes:
        ids: COCO panoptic ids (R + 256 G + 65536 B) of the file, 0 for void, int64, shape (R,) with R >= 256. Rows
            that were split off a segment keep its id.
        labels: Class labels, things before stuff, 255 for void and unused rows, int64, shape (R,).
        is_thing: Whether the class is a thing, bool, shape (R,).
        is_crowd: Whether the segment is a crowd, bool, shape (R,).
        is_instance: Whether the segment is an object to learn, bool, shape (R,): things that are no crowds.
    """

    ids: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    is_thing: npt.NDArray[np.bool_]
    is_crowd: npt.NDArray[np.bool_]
    is_instance: npt.NDArray[np.bool_]

    @classmethod
    def from_segments(
        cls, ids: npt.ArrayLike, labels: npt.ArrayLike, is_thing: npt.ArrayLike, is_crowd: npt.ArrayLike
    ) -> SegmentTable:
        """Make the table of a list of segments; segment k takes row ``segment_rows(N)[k]``.

        Args:
            ids: COCO panoptic ids, shape (N,).
            labels: Class labels, shape (N,).
            is_thing: Whether each is a thing, shape (N,).
            is_crowd: Whether each is a crowd, shape (N,).

        Returns:
            The table.

        Raises:
            ValueError: If there are more segments than a segment map has values.
        """
        ids = np.asarray(ids, np.int64)
        rows = segment_rows(len(ids))
        size = max(VOID_ROW, int(rows[-1]) if len(rows) else 0) + 1
        thing = _scatter(rows, is_thing, size, False, np.bool_)
        crowd = _scatter(rows, is_crowd, size, False, np.bool_)
        return cls(
            ids=_scatter(rows, ids, size, 0, np.int64),
            labels=_scatter(rows, labels, size, VOID_LABEL, np.int64),
            is_thing=thing,
            is_crowd=crowd,
            is_instance=thing & ~crowd,
        )

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """Rows that are segments with a label, in ascending order, int64, shape (N,)."""
        return np.flatnonzero(self.labels != VOID_LABEL)

    def void(self, dropped: npt.NDArray[np.bool_]) -> SegmentTable:
        """Copy the table with some rows as void.

        Args:
            dropped: Whether a row becomes void, bool, shape (R,).

        Returns:
            The new table.
        """
        return replace(
            self,
            ids=np.where(dropped, 0, self.ids),
            labels=np.where(dropped, VOID_LABEL, self.labels),
            is_thing=self.is_thing & ~dropped,
            is_crowd=self.is_crowd & ~dropped,
            is_instance=self.is_instance & ~dropped,
        )

    def semantic_map(self, segment_map: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
        """Look up the label of each pixel.

        Args:
            segment_map: Row of each pixel's segment, shape (H, W).

        Returns:
            Labels, 255 for void, uint8, shape (H, W).
        """
        labels = self.labels.astype(np.uint8)
        if len(labels) > 256 or not segment_map.size:
            return np.take(labels, segment_map)
        # OpenCV looks up bytes three times as fast, and images with more segments are rare.
        return np.asarray(cv2.LUT(segment_map.astype(np.uint8), labels), np.uint8)

    def __len__(self) -> int:
        return len(self.ids)


def merge_segments(
    segment_map: npt.NDArray[np.uint16], table: SegmentTable, into: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint16], SegmentTable]:
    """Make some segments parts of others.

    Args:
        segment_map: Row of each pixel's segment, shape (H, W).
        table: Its table.
        into: Row that each row becomes part of, itself if it stays, shape (R,).

    Returns:
        The new map, and the table with void in the place of the rows that are parts now.
    """
    parts = into != np.arange(len(table))
    if not parts.any():
        return segment_map, table
    return np.take(into.astype(np.uint16), segment_map), table.void(parts)


def whole_segments(
    segment_map: npt.NDArray[np.uint16], table: SegmentTable
) -> tuple[npt.NDArray[np.uint16], SegmentTable]:
    """Undo the splitting of stuff: rows of stuff with the same id become one.

    Args:
        segment_map: Row of each pixel's segment, shape (H, W).
        table: Its table.

    Returns:
        Map and table.
    """
    into = np.arange(len(table))
    stuff = table.rows[~table.is_thing[table.rows]]
    _, first, segment = np.unique(table.ids[stuff], return_index=True, return_inverse=True)
    into[stuff] = stuff[first][segment]
    return merge_segments(segment_map, table, into)


def join_segments(
    segment_maps: Sequence[npt.NDArray[np.uint16]], tables: Sequence[SegmentTable]
) -> tuple[list[npt.NDArray[np.uint16]], SegmentTable]:
    """Make one table for the segment maps of several images, as parts of one new image.

    Segments without pixels have no row in it. As an image has one segment of each stuff class, all that are of one
    class become one row, except crowds and parts that are instances; these keep rows of their own, with its id. Things
    keep their id unless an earlier segment has it; they then get a free one.

    Args:
        segment_maps: Row of each pixel's segment in the table of its image, each of some shape (H, W).
        tables: Their tables.

    Returns:
        The maps with rows of the new table, and this table.

    Raises:
        ValueError: If there are more segments than a segment map has values.
    """
    kept = [
        np.flatnonzero((np.bincount(segment_map.reshape(-1), minlength=len(table)) > 0) & (table.labels != VOID_LABEL))
        for segment_map, table in zip(segment_maps, tables, strict=True)
    ]
    columns = {
        field.name: np.concatenate([getattr(table, field.name)[rows] for rows, table in zip(kept, tables, strict=True)])
        for field in fields(SegmentTable)
    }
    whole = ~(columns['is_thing'] | columns['is_crowd'] | columns['is_instance'])
    owners = _first_of_class(columns['labels'], whole)
    has_row = owners == np.arange(len(owners))
    rows = segment_rows(int(has_row.sum()))
    new_rows = rows[np.cumsum(has_row) - 1][owners]
    columns['ids'] = _unique_ids(columns['ids'], _first_of_class(columns['labels'], ~columns['is_thing']))

    empty = SegmentTable.from_segments([], [], [], [])
    size = max(len(empty), int(rows.max(initial=0)) + 1)
    joined = {}
    for name, column in columns.items():
        void = getattr(empty, name)[VOID_ROW]
        joined[name] = _scatter(rows, column[has_row], size, void, column.dtype.type)
    maps = []
    for segment_map, table, own in zip(segment_maps, tables, kept, strict=True):
        look_up = np.full(len(table), VOID_ROW, np.uint16)
        look_up[own], new_rows = new_rows[: len(own)], new_rows[len(own) :]
        maps.append(np.take(look_up, segment_map))
    return maps, SegmentTable(**joined)


def _first_of_class(labels: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Place of the first chosen segment of the same class; that of the segment itself if it is not chosen."""
    first = np.arange(len(labels))
    places = np.flatnonzero(chosen)
    _, index, inverse = np.unique(labels[places], return_index=True, return_inverse=True)
    first[places] = places[index][inverse]
    return first


def _unique_ids(ids: npt.NDArray[np.int64], owners: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Give each segment its owner's id, and owners whose id an earlier one has a free one."""
    own, segment = np.unique(owners, return_inverse=True)
    own_ids = ids[own]
    taken = np.ones(len(own), bool)
    taken[np.unique(own_ids, return_index=True)[1]] = False
    free = np.setdiff1d(np.arange(1, 2 * len(own) + 1), own_ids)
    own_ids[taken] = free[: taken.sum()]
    return own_ids[segment]


def segment_rows(count: int) -> npt.NDArray[np.int64]:
    """Rows that the segments of an image take: 0, 1, 2, ... without the row of void.

    Args:
        count: Number of segments N.

    Returns:
        Rows, int64, shape (N,).

    Raises:
        ValueError: If there are more segments than a segment map has values.
    """
    if count > MAX_SEGMENTS:
        raise ValueError(f'{count} segments in one image; a uint16 segment map holds at most {MAX_SEGMENTS}')
    rows = np.arange(count)
    rows[VOID_ROW:] += 1
    return rows


def _scatter(rows: npt.NDArray[np.int64], values: npt.ArrayLike, size: int, fill: int, dtype: type) -> npt.NDArray:
    column: npt.NDArray = np.full(size, fill, dtype)
    column[rows] = np.asarray(values, dtype)
    return column
