"""Parts of the content of COCO files: which classes an image has, and the files of some of the images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container
from typing import Any


def is_panoptic(content: dict[str, Any]) -> bool:
    """Whether the content is that of a panoptic file."""
    return any('segments_info' in annotation for annotation in content.get('annotations') or [])


def classes_of_images(content: dict[str, Any]) -> list[frozenset[Any]]:
    """Give the category ids on each image of a COCO file, of instances or panoptic, in the order of ``images``."""
    found: dict[Any, set] = defaultdict(set)
    for annotation in content['annotations']:
        for item in annotation.get('segments_info', [annotation]):
            found[annotation['image_id']].add(item['category_id'])
    return [frozenset(found[image['id']]) for image in content['images']]


def part_of_content(content: dict[str, Any], image_ids: Container[Any]) -> dict[str, Any]:
    """Give the content of a COCO file with some of its images and their annotations."""
    return {
        **content,
        'images': [image for image in content['images'] if image['id'] in image_ids],
        'annotations': [item for item in content['annotations'] if item['image_id'] in image_ids],
    }
