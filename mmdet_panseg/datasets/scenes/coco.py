"""COCO instance and panoptic records of a scene."""

from __future__ import annotations

import numpy as np

from mmdet_panseg.datasets.coco.records import MeasuredSegment, panoptic_categories, segment_records

from .classes import PALETTE, STUFF_CLASSES, THING_CLASSES
from .render import Scene

CATEGORIES = panoptic_categories(THING_CLASSES + STUFF_CLASSES, len(THING_CLASSES), PALETTE)


def scene_records(scene: Scene, image_id: int, next_id: int) -> tuple[list[dict], list[dict], np.ndarray]:
    """Make the annotations of a scene from its visible pixels; see :func:`.records.segment_records`."""
    segments = [
        MeasuredSegment.of_mask(scene.segment_map == number, segment.category, segment.iscrowd)
        for number, segment in enumerate(scene.segments, start=1)
    ]
    return segment_records(scene.segment_map, segments, CATEGORIES, image_id, next_id)
