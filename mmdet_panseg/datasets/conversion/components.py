"""Segments of a label map: connected components of things, one region per class of stuff."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mmdet_panseg.datasets.coco.records import MeasuredSegment

from .label_classes import LabelClass

SMALL_THINGS = ('void', 'crowd')
"""What becomes of components of things that are too small."""


@dataclass(frozen=True)
class LabelSegments:
    """The segments of one label map.

    Attributes:
        segment_map: Number of the segment of each pixel, 0 for void, int32, shape (H, W).
        segments: The segments; the first has number 1. Things come in the order of their classes, then stuff.
        small: For each class its components that were too small and their pixels, int64, shape (C, 2).
    """

    segment_map: np.ndarray
    segments: list[MeasuredSegment]
    small: np.ndarray


def split_label_map(
    label_map: np.ndarray, classes: Sequence[LabelClass], min_area: int = 1, small: str = 'void'
) -> LabelSegments:
    """Split a label map into segments.

    Each 8-connected component of a thing is a segment, and so are all pixels of a class of stuff together.

    Args:
        label_map: Labels of shape (H, W), uint8. Values that no class has are void.
        classes: The classes.
        min_area: Components of things with fewer pixels are too small.
        small: ``'void'`` makes these void; ``'crowd'`` joins those of a class in one segment marked as crowd, which
            keeps their class for the semantic map.

    Returns:
        The segments.

    Raises:
        ValueError: If ``small`` is neither.
    """
    if small not in SMALL_THINGS:
        raise ValueError(f'small must be one of {SMALL_THINGS}, not {small!r}.')
    segment_map = np.zeros(label_map.shape, np.int32)
    segments: list[MeasuredSegment] = []
    too_small = np.zeros((len(classes), 2), np.int64)
    present = np.bincount(label_map.ravel(), minlength=256) > 0
    for category, label_class in enumerate(classes):
        if not present[label_class.value]:
            continue
        mask = label_map == label_class.value
        if not label_class.is_thing:
            segments.append(MeasuredSegment.of_mask(mask, category))
            segment_map[mask] = len(segments)
            continue
        kept, numbers, rest = _components(mask, category, min_area, len(segments))
        segments += kept
        segment_map += numbers
        too_small[category] = rest.number, np.count_nonzero(rest.mask)
        if rest.number and small == 'crowd':
            segments.append(MeasuredSegment.of_mask(rest.mask, category, is_crowd=True))
            segment_map[rest.mask] = len(segments)
    return LabelSegments(segment_map, segments, too_small)


@dataclass(frozen=True)
class _Rest:
    """Components that are too small: how many, and where."""

    number: int
    mask: np.ndarray


def _components(
    mask: np.ndarray, category: int, min_area: int, before: int
) -> tuple[list[MeasuredSegment], np.ndarray, _Rest]:
    """Components that are large enough, the map of their numbers (counted from ``before`` + 1), and the rest."""
    _, components, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA]
    large = areas >= min_area
    large[0] = False
    numbers = np.where(large, before + np.cumsum(large), 0).astype(np.int32)
    kept = [
        MeasuredSegment(category, int(areas[k]), [int(side) for side in stats[k, : cv2.CC_STAT_AREA]])
        for k in np.flatnonzero(large)
    ]
    rest = ~large
    rest[0] = False
    return kept, numbers[components], _Rest(int(rest.sum()), rest[components])
