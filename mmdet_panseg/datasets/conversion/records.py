"""COCO records of the segments of label maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmdet_panseg.datasets.coco.records import distinct_colours, encode_mask

from .components import LabelSegments
from .label_classes import LabelClass


def panoptic_categories(classes: Sequence[LabelClass]) -> list[dict]:
    """Categories of the panoptic JSON: ids 1, 2, ... in the order of the classes."""
    return [
        dict(
            id=index,
            name=label_class.name,
            supercategory='thing' if label_class.is_thing else 'stuff',
            isthing=int(label_class.is_thing),
            color=list(label_class.colour),
        )
        for index, label_class in enumerate(classes, start=1)
    ]


def thing_categories(classes: Sequence[LabelClass]) -> list[dict]:
    """Categories of the instance JSON: the things, with the ids they have in the panoptic JSON."""
    keys = ('id', 'name', 'supercategory')
    return [{key: item[key] for key in keys} for item in panoptic_categories(classes) if item['isthing']]


def segment_records(
    found: LabelSegments, classes: Sequence[LabelClass], image_id: int, next_id: int
) -> tuple[list[dict], list[dict], np.ndarray]:
    """Annotations of one image.

    Args:
        found: Its segments.
        classes: The classes.
        image_id: Id of the image.
        next_id: Id of its first instance annotation.

    Returns:
        Instance annotations (compressed RLE), ``segments_info`` of the panoptic annotation, and the panoptic picture
        (H, W, 3), uint8 RGB, whose ids are R + 256 G + 65536 B.
    """
    colours = distinct_colours(classes[segment.category].colour for segment in found.segments)
    ids = colours.astype(np.int64) @ [1, 256, 65536]
    instances, infos = [], []
    for number, segment in enumerate(found.segments, start=1):
        shared = dict(
            category_id=segment.category + 1, area=segment.area, bbox=segment.box, iscrowd=int(segment.is_crowd)
        )
        infos.append(dict(id=int(ids[number]), **shared))
        if classes[segment.category].is_thing:
            record = dict(id=next_id + len(instances), image_id=image_id)
            instances.append({**record, 'segmentation': encode_mask(found.segment_map == number), **shared})
    return instances, infos, colours[found.segment_map]
