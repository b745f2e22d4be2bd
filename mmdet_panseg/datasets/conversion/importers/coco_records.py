"""COCO annotations of what importers read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as mask_utils

from mmdet_panseg.datasets.coco.class_selection import choose_palette

from .imported import ImportedData, ImportedImage, ImportedObject, Part, PlacedMask

NO_PIXELS = 'objects without a pixel inside their image, left out'


def coco_content(data: ImportedData, images: Iterable[ImportedImage], root: Path) -> dict[str, Any]:
    """Make the content of a COCO file of instances.

    Objects of polygons stay polygons; those that have a mask among their parts become compressed RLE. What has no
    pixels is left out and noted in the data's findings.

    Args:
        data: What was read; its classes are the categories, with ids from 1.
        images: The images among it to take.
        root: Folder to which file names are relative.

    Returns:
        The content; annotations have the source's id as ``source_id``, if it has one.
    """
    ids = {name: number for number, name in enumerate(data.classes, start=1)}
    entries: list[dict] = []
    annotations: list[dict] = []
    for number, image in enumerate(images, start=1):
        name = image.path.relative_to(root).as_posix()
        entries.append(dict(id=number, file_name=name, width=image.width, height=image.height))
        for item in image.objects:
            record = annotation_record(item, image.height, image.width)
            if record is None:
                data.note(NO_PIXELS, item.label, name)
                continue
            ids_of = dict(id=len(annotations) + 1, image_id=number, category_id=ids[item.label])
            annotations.append({**ids_of, **record})
    return dict(
        info=dict(description=f'Imported from {data.source} by panseg new.'),
        images=entries,
        annotations=annotations,
        categories=_categories(data.classes),
    )


def annotation_record(item: ImportedObject, height: int, width: int) -> dict[str, Any] | None:
    """Make ``segmentation``, ``area``, ``bbox`` and ``iscrowd`` of an object.

    Args:
        item: The object.
        height: Height of its image in pixels.
        width: Width of its image in pixels.

    Returns:
        The record; None if no pixel of the object is in the image.
    """
    parts = [part for part in item.parts if not isinstance(part, PlacedMask) or part.pixels.any()]
    rle = mask_utils.merge([_encoded(part, height, width) for part in parts]) if parts else None
    if rle is None or not mask_utils.area(rle):
        return None
    if any(isinstance(part, PlacedMask) for part in parts):
        segmentation: Any = dict(size=[height, width], counts=rle['counts'].decode('ascii'))
    else:
        segmentation = [np.round(part, 3).ravel().tolist() for part in parts]
    record = dict(
        segmentation=segmentation,
        area=int(mask_utils.area(rle)),
        bbox=[int(side) for side in mask_utils.toBbox(rle)],
        iscrowd=0,
    )
    return record if item.source_id is None else dict(record, source_id=item.source_id)


def _encoded(part: Part, height: int, width: int) -> dict:
    if not isinstance(part, PlacedMask):
        return mask_utils.frPyObjects([part.ravel().tolist()], height, width)[0]
    whole = np.zeros((height, width), np.uint8, order='F')
    top, left = max(part.top, 0), max(part.left, 0)
    inside = part.pixels[top - part.top :, left - part.left :][: max(height - top, 0), : max(width - left, 0)]
    whole[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return mask_utils.encode(whole)


def _categories(names: Sequence[str]) -> list[dict]:
    return [
        dict(id=number, name=name, color=list(color))
        for number, (name, color) in enumerate(zip(names, choose_palette(names), strict=True), start=1)
    ]
