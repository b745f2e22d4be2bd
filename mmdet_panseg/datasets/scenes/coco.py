"""COCO instance and panoptic records of a scene."""

from __future__ import annotations

import numpy as np

from mmdet_panseg.datasets.coco.records import distinct_colours, encode_mask, tight_box

from .classes import PALETTE, STUFF_CLASSES, THING_CLASSES
from .render import Scene

NUM_THINGS = len(THING_CLASSES)


def thing_categories() -> list[dict]:
    """Categories of the instance JSON: ids 1 to the number of things."""
    return [dict(id=i + 1, name=name, supercategory='thing') for i, name in enumerate(THING_CLASSES)]


def panoptic_categories() -> list[dict]:
    """Categories of the panoptic JSON: things first, ids without gaps, each with ``isthing`` and a colour."""
    categories = []
    for i, name in enumerate(THING_CLASSES + STUFF_CLASSES):
        isthing = int(i < NUM_THINGS)
        kind = 'thing' if isthing else 'stuff'
        categories.append(dict(id=i + 1, name=name, supercategory=kind, isthing=isthing, color=list(PALETTE[i])))
    return categories


def scene_records(scene: Scene, image_id: int, next_id: int) -> tuple[list[dict], list[dict], np.ndarray]:
    """Annotations of a scene, from its visible pixels.

    Args:
        scene: The scene.
        image_id: Id of its image.
        next_id: Id of its first instance annotation.

    Returns:
        Instance annotations (compressed RLE), ``segments_info`` of the panoptic annotation, and the panoptic picture
        (height, width, 3) uint8 RGB whose ids are R + 256 G + 65536 B.
    """
    colours = distinct_colours(PALETTE[segment.category] for segment in scene.segments)
    ids = colours.astype(np.int64) @ [1, 256, 65536]
    instances, infos = [], []
    for number, segment in enumerate(scene.segments, start=1):
        mask = scene.segment_map == number
        shared = dict(
            category_id=segment.category + 1,
            area=int(np.count_nonzero(mask)),
            bbox=tight_box(mask),
            iscrowd=int(segment.iscrowd),
        )
        infos.append(dict(id=int(ids[number]), **shared))
        if segment.category < NUM_THINGS:
            record = dict(id=next_id + len(instances), image_id=image_id, segmentation=encode_mask(mask))
            instances.append({**record, **shared})
    return instances, infos, colours[scene.segment_map]
