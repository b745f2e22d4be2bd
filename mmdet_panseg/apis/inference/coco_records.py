"""Predictions as entries of COCO files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pycocotools import mask as coco_masks

from .prediction import Prediction


def instance_records(prediction: Prediction, image_id: int, first_id: int = 1) -> list[dict[str, Any]]:
    """Describe the instances of an image as ``annotations`` of a COCO file, which are COCO results as well.

    Args:
        prediction: What was found.
        image_id: Id of the image.
        first_id: Id of the first instance.

    Returns:
        Dicts with ``id``, ``image_id``, ``category_id``, ``bbox`` (x, y, width, height), ``area``, ``iscrowd``,
        ``score``, and ``segmentation`` as RLE where there are masks.
    """
    records = []
    for index in range(len(prediction)):
        x1, y1, x2, y2 = (round(float(side), 2) for side in prediction.boxes[index])
        record = dict(
            id=first_id + index,
            image_id=image_id,
            category_id=prediction.classes.category_id(int(prediction.labels[index])),
            bbox=[x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)],
            area=round((x2 - x1) * (y2 - y1), 2),
            iscrowd=0,
            score=round(float(prediction.scores[index]), 5),
        )
        if prediction.masks:
            rle = prediction.masks[index]
            record['area'] = int(coco_masks.area(rle))
            record['segmentation'] = dict(size=list(rle['size']), counts=rle['counts'].decode())
        records.append(record)
    return records


def panoptic_record(prediction: Prediction, image_id: int, file_name: str) -> dict[str, Any]:
    """Describe the panoptic map of an image as an entry of ``annotations`` of a COCO panoptic file.

    Args:
        prediction: What was found, with a panoptic map.
        image_id: Id of the image.
        file_name: Name of its PNG.

    Returns:
        The entry.
    """
    segments = []
    for info in prediction.segments_info or []:
        segment = dict(info, category_id=prediction.classes.category_id(info['category_id']), iscrowd=0)
        del segment['isthing']
        if segment['score'] is None:
            del segment['score']
        else:
            segment['score'] = round(float(segment['score']), 5)
        segments.append(segment)
    return dict(image_id=image_id, file_name=file_name, segments_info=segments)


def coco_dataset(predictions: Iterable[Prediction]) -> dict[str, Any]:
    """Put predictions together as one COCO file: what FiftyOne, CVAT and pycocotools read.

    Args:
        predictions: Predictions of one model.

    Returns:
        ``categories`` of things, ``images`` and ``annotations``.
    """
    images, annotations, categories = [], [], []
    for number, prediction in enumerate(predictions, start=1):
        height, width = prediction.size
        images.append(dict(id=number, file_name=prediction.name, height=height, width=width))
        annotations += instance_records(prediction, number, len(annotations) + 1)
        categories = prediction.classes.categories()[: prediction.classes.num_things]
    return dict(categories=categories, images=images, annotations=annotations)
