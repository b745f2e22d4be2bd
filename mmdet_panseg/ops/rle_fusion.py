"""Panoptic fusion of an image that is too large for a mask of its size per instance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .map_values import INSTANCE_OFFSET
from .rle import RLE, crop_from_rle

# So many pixels are looked at together.
_BAND = 2**22
_FREE, _VOID = -1, 0


class RleSegment(NamedTuple):
    """A segment of a panoptic map.

    Attributes:
        id: Value of its pixels.
        label: Its class.
        score: Score of a thing, None for stuff.
        area: Number of pixels.
        box: Tight box (x1, y1, x2, y2), far sides exclusive.
    """

    id: int
    label: int
    score: float | None
    area: int
    box: tuple[int, int, int, int]


def fuse_rle(
    masks: Sequence[RLE],
    scores: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    semantic_map: npt.NDArray[np.integer],
    *,
    num_things: int,
    num_stuff: int,
    score_thr: float = 0.0,
    min_visible: float = 0.5,
    min_thing_area: int = 0,
    min_stuff_area: int = 0,
    min_agreement: float = 0.0,
    stuff_map: npt.NDArray[np.integer] | None = None,
) -> tuple[npt.NDArray[np.int32], list[RleSegment]]:
    """Give each pixel to one segment by the rules of :func:`~mmdet_panseg.ops.fuse_panoptic`.

    Masks are decoded one at a time in their boxes, and maps are gone through in bands of rows.

    Args:
        masks: N masks, COCO's RLE.
        scores: Shape ``(N,)``.
        labels: Classes, shape ``(N,)``; those of stuff take their pixels for the stuff of their class.
        semantic_map: Most probable class of each pixel, shape ``(H, W)``; other values are unknown things.
        num_things: Number of thing classes.
        num_stuff: Number of stuff classes.
        score_thr: As in ``fuse_panoptic``, as are the next four.
        min_visible: See there.
        min_thing_area: See there.
        min_stuff_area: See there.
        min_agreement: See there.
        stuff_map: Most probable stuff class of each pixel, which fills pixels of things that no instance took; None
            leaves them void.

    Returns:
        Map of ids, int32, shape ``(H, W)``: 0 for void, ``label + 1`` for stuff, ``label + 1 + 1000 k`` with
        ``k = 1, 2, ...`` for things by falling score; and the segments, things before stuff.
    """
    panoptic_map = np.full(semantic_map.shape, _FREE, np.int32)
    things: list[RleSegment] = []
    for index in np.argsort(-np.asarray(scores), kind='stable').tolist():
        if scores[index] < score_thr:
            break
        label = int(labels[index])
        mask, (left, top) = crop_from_rle(masks[index])
        window = np.s_[top : top + mask.shape[0], left : left + mask.shape[1]]
        area = np.count_nonzero(mask)
        visible = mask & (panoptic_map[window] == _FREE)
        visible_area = np.count_nonzero(visible)
        if area == 0 or visible_area / area < min_visible or visible_area < min_thing_area:
            continue
        if min_agreement > 0 and np.count_nonzero(mask & (semantic_map[window] == label)) / area < min_agreement:
            continue
        if visible_area == 0:
            continue
        value = label + 1 + (INSTANCE_OFFSET * (len(things) + 1) if label < num_things else 0)
        panoptic_map[window][visible] = value
        if label < num_things:
            box = _shifted_box(visible, left, top)
            things.append(RleSegment(value, label, float(scores[index]), visible_area, box))
    stuff = _fill_stuff(panoptic_map, semantic_map, stuff_map, num_things, num_stuff, min_stuff_area)
    return panoptic_map, things + stuff


def _fill_stuff(
    panoptic_map: npt.NDArray[np.int32],
    semantic_map: npt.NDArray[np.integer],
    stuff_map: npt.NDArray[np.integer] | None,
    num_things: int,
    num_stuff: int,
    min_area: int,
) -> list[RleSegment]:
    """Fill what is free with stuff, in place, and describe it; stuff of too few pixels becomes void."""
    last = num_things + num_stuff
    areas = np.zeros(last + 1, np.int64)
    boxes: dict[int, tuple[int, int, int, int]] = {}
    for band in _bands(panoptic_map):
        values, semantic = panoptic_map[band], semantic_map[band]
        is_stuff = (semantic >= num_things) & (semantic < last)
        filling = np.where(is_stuff, semantic.astype(np.int32) + 1, _VOID)
        if stuff_map is not None:
            stuff = stuff_map[band].astype(np.int32)
            filling = np.where(is_stuff | (stuff >= last), filling, stuff + 1)
        np.copyto(values, filling, where=values == _FREE)
        found = np.bincount(np.where(values <= last, values, _VOID).ravel(), minlength=last + 1)
        areas += found
        for value in np.flatnonzero(found[num_things + 1 :]) + num_things + 1:
            box = _shifted_box(values == value, 0, band.start)
            boxes[value] = _joined(boxes.get(value, box), box)
    areas[: num_things + 1] = 0
    small = np.flatnonzero((areas > 0) & (areas < min_area))
    if len(small):
        for band in _bands(panoptic_map):
            panoptic_map[band][np.isin(panoptic_map[band], small)] = _VOID
    large = [int(value) for value in np.flatnonzero(areas) if value not in small]
    return [RleSegment(value, value - 1, None, int(areas[value]), boxes[value]) for value in large]


def _bands(values: npt.NDArray) -> Iterator[slice]:
    height, width = values.shape
    step = max(1, _BAND // width)
    for start in range(0, height, step):
        yield slice(start, min(start + step, height))


def _shifted_box(mask: npt.NDArray[np.bool_], left: int, top: int) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return left + int(columns[0]), top + int(rows[0]), left + int(columns[-1]) + 1, top + int(rows[-1]) + 1


def _joined(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])
