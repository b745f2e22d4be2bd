"""Panoptic quality (Kirillov et al., Panoptic Segmentation, CVPR 2019, sections 4.1 and 4.2) from arrays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .map_values import INSTANCE_OFFSET, VOID_LABEL
from .pixel_pairs import count_pixel_pairs
from .segment_table import SegmentTable


class PanopticCounts(NamedTuple):
    """What the panoptic quality of ``K`` classes is computed from; sums over images are counts as well.

    Attributes:
        iou_sum: Sum of the IoU of matched segments, float64, shape ``(K,)``.
        tp: Matched segments, int64, shape ``(K,)``.
        fp: Predicted segments without a match, int64, shape ``(K,)``.
        fn: Segments of the ground truth without a match, int64, shape ``(K,)``.
    """

    iou_sum: npt.NDArray[np.float64]
    tp: npt.NDArray[np.int64]
    fp: npt.NDArray[np.int64]
    fn: npt.NDArray[np.int64]


class QualityMeans(NamedTuple):
    """Panoptic, segmentation and recognition quality, means over the classes that occur; NaN without any.

    Attributes:
        pq: Panoptic quality, 0 to 1.
        sq: Segmentation quality, 0 to 1.
        rq: Recognition quality, 0 to 1.
        num_classes: Number of classes that occur.
    """

    pq: float
    sq: float
    rq: float
    num_classes: int


class PanopticQuality(NamedTuple):
    """Qualities of each class and their means.

    Attributes:
        pq: Panoptic quality of each class, 0 to 1, NaN where the class never occurs, float64, shape ``(K,)``.
        sq: Segmentation quality, likewise.
        rq: Recognition quality, likewise.
        all: Means over all classes.
        things: Means over the things.
        stuff: Means over the stuff.
    """

    pq: npt.NDArray[np.float64]
    sq: npt.NDArray[np.float64]
    rq: npt.NDArray[np.float64]
    all: QualityMeans
    things: QualityMeans
    stuff: QualityMeans


def panoptic_counts(
    gt_map: npt.NDArray[np.integer], segments: SegmentTable, pred_map: npt.NDArray[np.integer], num_classes: int
) -> PanopticCounts:
    """Match the predicted segments of one image with those of the ground truth.

    The rules are those of COCO's panopticapi, so that numbers can be compared with published ones:

    - Two segments match if their classes agree and their IoU is above 0.5, where pixels that are void in the ground
      truth do not count to the union. There is at most one match for a segment.
    - A segment of the ground truth without a match is a false negative unless it is a crowd, also if it has no pixel.
    - A predicted segment without a match is a false positive unless more than half of it lies on void and on the crowd
      of its class. Of several crowds of a class in an image the last row of the table alone counts.

    Args:
        gt_map: Segment map of the ground truth, shape ``(H, W)``.
        segments: Table of its values.
        pred_map: Predicted values ``label + 1000 k``, void is ``num_classes``, shape ``(H, W)``.
        num_classes: Number of classes K.

    Returns:
        Counts of each class.

    Raises:
        ValueError: If the maps have different shapes, a label of the ground truth is not below ``num_classes``, one
            of the prediction is above it, or the ground truth has values that are not rows of the table.
    """
    overlaps = _overlaps(gt_map, segments, pred_map, num_classes)
    rows, columns, ious = _matches(overlaps)
    labels = overlaps.gt_labels[rows]
    missed = (overlaps.gt_labels != VOID_LABEL) & ~overlaps.gt_is_crowd
    missed[rows] = False
    wrong = (overlaps.pred_labels != num_classes) & ~_is_ignored(overlaps)
    wrong[columns] = False
    return PanopticCounts(
        iou_sum=np.bincount(labels, weights=ious, minlength=num_classes).astype(np.float64),
        tp=np.bincount(labels, minlength=num_classes),
        fp=np.bincount(overlaps.pred_labels[wrong], minlength=num_classes),
        fn=np.bincount(overlaps.gt_labels[missed], minlength=num_classes),
    )


class _Overlaps(NamedTuple):
    """Pixels that segments share: ``counts[i]`` of row ``rows[i]`` and predicted segment ``columns[i]``."""

    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    same_class: npt.NDArray[np.bool_]
    gt_labels: npt.NDArray[np.int64]
    gt_is_crowd: npt.NDArray[np.bool_]
    pred_labels: npt.NDArray[np.int64]

    def pred_areas(self, chosen: npt.NDArray[np.bool_] | slice = slice(None)) -> npt.NDArray[np.int64]:
        """Pixels of each predicted segment in the chosen overlaps."""
        return _sums(self.columns[chosen], self.counts[chosen], len(self.pred_labels))


def _overlaps(
    gt_map: npt.NDArray[np.integer], segments: SegmentTable, pred_map: npt.NDArray[np.integer], num_classes: int
) -> _Overlaps:
    rows, pred_values, counts = count_pixel_pairs(gt_map, pred_map)
    values, columns = np.unique(pred_values, return_inverse=True)
    pred_labels = values % INSTANCE_OFFSET
    if pred_labels.max(initial=0) > num_classes:
        raise ValueError(
            f'predicted label {pred_labels.max()}, but there are {num_classes} classes (void: {num_classes})'
        )
    highest = segments.labels[segments.rows].max(initial=-1)
    if highest >= num_classes:
        raise ValueError(f'ground truth label {highest}, but there are {num_classes} classes')
    if rows.max(initial=0) >= len(segments):
        raise ValueError(f'ground truth value {rows.max()}, but the table of the segments has {len(segments)} rows')
    same_class = (segments.labels[rows] == pred_labels[columns]) & (pred_labels[columns] != num_classes)
    return _Overlaps(rows, columns, counts, same_class, segments.labels, segments.is_crowd, pred_labels)


def _matches(
    overlaps: _Overlaps,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Row, predicted segment and IoU of each match."""
    regular = overlaps.same_class & ~overlaps.gt_is_crowd[overlaps.rows]
    rows, columns, shared = (values[regular] for values in overlaps[:3])
    void_areas = overlaps.pred_areas(overlaps.gt_labels[overlaps.rows] == VOID_LABEL)
    gt_areas = _sums(overlaps.rows, overlaps.counts, len(overlaps.gt_labels))
    ious = shared / (overlaps.pred_areas()[columns] + gt_areas[rows] - shared - void_areas[columns])
    matched = ious > 0.5
    return rows[matched], columns[matched], ious[matched]


def _is_ignored(overlaps: _Overlaps) -> npt.NDArray[np.bool_]:
    """Whether more than half of each predicted segment lies on void and on the last crowd of its class."""
    labels = overlaps.gt_labels
    crowds = np.flatnonzero(overlaps.gt_is_crowd & (labels != VOID_LABEL))
    last_of_label = dict(zip(labels[crowds].tolist(), crowds.tolist(), strict=True))
    is_last = np.zeros(len(labels), np.bool_)
    is_last[list(last_of_label.values())] = True
    ignored = (labels[overlaps.rows] == VOID_LABEL) | (overlaps.same_class & is_last[overlaps.rows])
    return overlaps.pred_areas(ignored) / overlaps.pred_areas() > 0.5


def _sums(places: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int64]:
    # weights are float64, exact up to 2⁵³ pixels
    return np.bincount(places, weights=counts, minlength=length).astype(np.int64)


def add_panoptic_counts(counts: Iterable[PanopticCounts], num_classes: int) -> PanopticCounts:
    """Add the counts of images.

    Args:
        counts: Counts of each image.
        num_classes: Number of classes K.

    Returns:
        Their sum.
    """
    none = np.zeros(num_classes, np.int64)
    start = PanopticCounts(none.astype(np.float64), none, none, none)
    return PanopticCounts(*(np.sum(field, axis=0) for field in zip(start, *counts, strict=True)))


def panoptic_quality(counts: PanopticCounts, num_things: int) -> PanopticQuality:
    """Compute the qualities from counts.

    A class occurs if it has any count: one that is predicted but is not in the ground truth has quality 0 and
    lowers the means, as in panopticapi.

    Args:
        counts: Sum of the counts of all images.
        num_things: Number of thing classes, which are the first ones.

    Returns:
        Qualities of each class and their means over all, things and stuff.
    """
    total = counts.tp + 0.5 * counts.fp + 0.5 * counts.fn
    occurs = total > 0
    absent = np.full(len(total), np.nan)
    rq = np.divide(counts.tp, total, out=absent.copy(), where=occurs)
    pq = np.divide(counts.iou_sum, total, out=absent.copy(), where=occurs)
    sq = np.where(occurs, counts.iou_sum / np.maximum(counts.tp, 1), np.nan)

    def means(classes: slice) -> QualityMeans:
        known = occurs[classes]
        pq_mean, sq_mean, rq_mean = (_mean(quality[classes][known]) for quality in (pq, sq, rq))
        return QualityMeans(pq_mean, sq_mean, rq_mean, int(known.sum()))

    return PanopticQuality(pq, sq, rq, means(slice(None)), means(slice(num_things)), means(slice(num_things, None)))


def _mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float('nan')
