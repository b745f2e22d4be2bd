"""The things of panoptic files as COCO instances, which AP is measured with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmdet_panseg.datasets.coco.panoptic_file import segment_file_name
from mmdet_panseg.datasets.coco.panoptic_png import decode_panoptic_png
from mmdet_panseg.datasets.coco.records import encode_mask
from mmdet_panseg.datasets.images.image_files import read_file


def instances_of(content: dict[str, Any], segments: Path) -> dict[str, Any]:
    """Make the content of a file of instances.

    Args:
        content: Content of a panoptic file.
        segments: Folder of its PNG files.

    Returns:
        Content of a COCO file with the same images and the categories that are things.

    Raises:
        BrokenImageError: If a PNG cannot be read.
        AnnotationFileError: If it holds no ids.
    """
    things = [category for category in content['categories'] if category.get('isthing')]
    ids = {category['id'] for category in things}
    image_of = {image['id']: image for image in content['images']}
    annotations: list[dict] = []
    for entry in content['annotations']:
        image = image_of[entry['image_id']]
        path = str(segments / segment_file_name(entry, image))
        id_map = decode_panoptic_png(
            read_file(path, None, 'Panoptic PNG', 'seg_map_path'), path, (image['height'], image['width'])
        )
        for segment in entry['segments_info']:
            if segment['category_id'] in ids:
                shared = {key: segment[key] for key in ('category_id', 'area', 'bbox')}
                record = dict(
                    id=len(annotations) + 1, image_id=image['id'], iscrowd=segment.get('iscrowd', 0), **shared
                )
                annotations.append(dict(record, segmentation=encode_mask(id_map == segment['id'])))
    return dict(images=content['images'], annotations=annotations, categories=things)
