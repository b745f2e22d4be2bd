"""Panoptic results in COCO's format: a PNG for each image and one JSON file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mmdet_panseg.datasets.dataset_classes import DatasetClasses
from mmdet_panseg.ops import INSTANCE_OFFSET, rgb_from_ids

from .errors import EvaluationError


def write_result_png(
    pred_map: npt.NDArray[np.integer], image_id: int | str, path: Path, classes: DatasetClasses
) -> dict[str, Any]:
    """Write the segments of an image; the id of a segment is its value + 1, as id 0 is void.

    Args:
        pred_map: Predicted values ``label + 1000 k``, void is the number of classes, shape ``(H, W)``.
        image_id: Id of the image in the annotation file.
        path: The PNG file; its folder is made.
        classes: Classes of the data set.

    Returns:
        The image's entry of the JSON file's ``annotations``.

    Raises:
        EvaluationError: If the file cannot be written.
    """
    category_ids, labels = classes.result_ids, pred_map % INSTANCE_OFFSET
    ids = np.where(labels == len(classes.names), 0, pred_map + 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), rgb_from_ids(ids)[..., ::-1]):
        raise EvaluationError(f'{path}: cannot be written; choose another outfile_prefix.')
    segments = [
        dict(
            id=int(value),
            category_id=int(category_ids[(value - 1) % INSTANCE_OFFSET]),
            area=int(area),
            iscrowd=0,
        )
        for value, area in zip(*np.unique(ids, return_counts=True), strict=True)
        if value
    ]
    return dict(image_id=image_id, file_name=path.name, segments_info=segments)


def write_result_json(records: Iterable[dict[str, Any]], path: Path, classes: DatasetClasses) -> None:
    """Write the JSON file that belongs to the PNG files.

    Args:
        records: Results of :func:`write_result_png`.
        path: The JSON file.
        classes: Classes of the data set.
    """
    categories = [
        dict(id=int(category_id), name=name, isthing=int(label < classes.num_things))
        for label, (name, category_id) in enumerate(zip(classes.names, classes.result_ids, strict=True))
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(annotations=list(records), categories=categories)) + '\n')
