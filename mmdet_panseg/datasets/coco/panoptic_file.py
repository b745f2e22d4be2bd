"""Checks of the parts that a COCO panoptic annotation file has of its own."""

from __future__ import annotations

import os.path as osp
from collections import Counter
from collections.abc import Iterable
from typing import Any

from mmdet_panseg.datasets.errors import AnnotationFileError, shown
from mmdet_panseg.ops import MAX_PANOPTIC_ID

from .annotation_file import check_flags, column, refuse_unknown

SEGMENT_KEYS = ('id', 'category_id', 'bbox', 'area')


def segments_by_image(
    annotations: list[dict], image_ids: Iterable[Any], category_ids: Iterable[Any], ann_file: str
) -> dict[Any, list[dict]]:
    """Sort segments by image, in file order, after checking what they refer to.

    Args:
        annotations: List ``annotations`` of the file, one entry an image.
        image_ids: Ids of the file's images.
        category_ids: Ids of the file's categories.
        ann_file: Path of the file, for error texts.

    Returns:
        ``segments_info`` of each image id that has an annotation.

    Raises:
        AnnotationFileError: If a key is missing, an image has two annotations, two segments of an image have the same
            id, an id does not fit in a PNG, an image or category id is not in the file, or ``iscrowd`` is neither 0
            nor 1.
    """
    images = column(annotations, 'image_id', 'annotations', ann_file)
    segments = column(annotations, 'segments_info', 'annotations', ann_file)
    refuse_unknown(images, images, set(image_ids), 'image_id', 'images', ann_file)
    twice = [image for image, count in Counter(images).items() if count > 1]
    if twice:
        raise AnnotationFileError(
            f"Annotation file '{ann_file}': {len(twice)} images have more than one entry in 'annotations' (image_id "
            f'{shown(twice)}); a panoptic file has one for each image, with all its segments.'
        )
    no_lists = [image for image, entry in zip(images, segments, strict=True) if not isinstance(entry, list)]
    if no_lists:
        raise AnnotationFileError(
            f"Annotation file '{ann_file}': 'segments_info' of {len(no_lists)} annotations (image_id "
            f'{shown(no_lists)}) is no list; write the list of the segments of the image.'
        )
    every = [segment for entry in segments for segment in entry]
    check_flags(every, 'iscrowd', 'segments_info', ann_file)
    columns = {key: column(every, key, 'segments_info', ann_file) for key in SEGMENT_KEYS}
    refuse_unknown(
        columns['id'], columns['category_id'], set(category_ids), 'category_id', 'categories', ann_file, 'segments'
    )
    grouped = dict(zip(images, segments, strict=True))
    _check_ids(grouped, ann_file)
    return grouped


def segment_file_name(annotation: dict, image: dict, suffix: str = '.png') -> str:
    """Name of the PNG of an annotation.

    Args:
        annotation: Entry of ``annotations``; some tools leave out its ``file_name`` or write the photograph's.
        image: Entry of ``images`` that it belongs to.
        suffix: Suffix of PNG files.

    Returns:
        The name, relative to the folder of the PNG files.
    """
    name = annotation.get('file_name') or image['file_name']
    stem, extension = osp.splitext(name)
    return name if extension.lower() == suffix.lower() else stem + suffix


def _check_ids(grouped: dict[Any, list[dict]], ann_file: str) -> None:
    """Raise if segments of one image share an id, or an id is none that a PNG can hold."""
    for image, segments in grouped.items():
        ids = [segment['id'] for segment in segments]
        if len(set(ids)) < len(ids):
            twice = [segment_id for segment_id, count in Counter(ids).items() if count > 1]
            raise AnnotationFileError(
                f"Annotation file '{ann_file}', image_id {image}: 'id' {shown(twice)} occurs more than once in "
                "'segments_info'; give each segment of an image an id (and colour in the PNG) of its own."
            )
        unfit = [i for i in ids if not isinstance(i, int) or not 0 < i <= MAX_PANOPTIC_ID]
        if unfit:
            raise AnnotationFileError(
                f"Annotation file '{ann_file}', image_id {image}: 'id' {shown([repr(i) for i in unfit])} in "
                f"'segments_info' is not in 1..{MAX_PANOPTIC_ID}; an id is R + 256 G + 65536 B of the segment's colour "
                'in the PNG, and 0 is void.'
            )
