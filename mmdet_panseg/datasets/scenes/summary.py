"""Figures of a data set of scenes, read from its JSON files."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .classes import STUFF_CLASSES, THING_CLASSES

# COCO's limits between small, medium and large, in pixels of mask area.
_SMALL, _MEDIUM = 32**2, 96**2


@dataclass
class SceneSummary:
    """Figures of one split.

    Attributes:
        images: Number of images.
        things: Number of separate things of each class.
        crowds: Number of crowd annotations.
        without_things: Number of images without any separate thing.
        sizes: Share of the separate things that COCO calls small, medium and large.
        stuff: Mean share of the image's pixels of each stuff class.
        void: Mean share of the image's pixels without a label.
    """

    images: int
    things: dict[str, int]
    crowds: int
    without_things: int
    sizes: dict[str, float]
    stuff: dict[str, float]
    void: float


def _size_name(area: float) -> str:
    return 'small' if area < _SMALL else 'medium' if area < _MEDIUM else 'large'


def summarise_scenes(root: str | os.PathLike, split: str) -> SceneSummary:
    """Count what a split of a data set of scenes holds.

    Args:
        root: Folder of the data set.
        split: ``'train'`` or ``'val'``.

    Returns:
        Its figures; shares are 0 where there is nothing to share.
    """
    path = Path(root, 'annotations', f'panoptic_{split}.json')
    content = json.loads(path.read_text(encoding='utf-8'))
    names = {c['id']: c['name'] for c in content['categories']}
    pixels = sum(image['width'] * image['height'] for image in content['images'])
    things, sizes, stuff = Counter(), Counter(), Counter()
    crowds = without = 0
    labelled = 0
    for annotation in content['annotations']:
        count = 0
        for info in annotation['segments_info']:
            name = names[info['category_id']]
            labelled += info['area']
            if info['iscrowd']:
                crowds += 1
            elif name in THING_CLASSES:
                count += 1
                things[name] += 1
                sizes[_size_name(info['area'])] += 1
            else:
                stuff[name] += info['area']
        without += count == 0
    return SceneSummary(
        images=len(content['images']),
        things={name: things[name] for name in THING_CLASSES},
        crowds=crowds,
        without_things=without,
        sizes={name: sizes[name] / max(sizes.total(), 1) for name in ('small', 'medium', 'large')},
        stuff={name: stuff[name] / max(pixels, 1) for name in STUFF_CLASSES},
        void=1 - labelled / pixels if pixels else 0.0,
    )
