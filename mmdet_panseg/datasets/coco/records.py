"""Making of COCO files, instances and panoptic: records of categories and of the segments of an image."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pycocotools import mask as mask_utils


@dataclass(frozen=True)
class MeasuredSegment:
    """One segment of an image.

    Attributes:
        category: Index of its class.
        area: Its pixels.
        box: Tight x, y, width, height in pixels.
        is_crowd: Whether it is objects of the class that are not told apart.
    """

    category: int
    area: int
    box: list[int]
    is_crowd: bool = False

    @classmethod
    def of_mask(cls, mask: np.ndarray, category: int, is_crowd: bool = False) -> MeasuredSegment:
        """Measure a boolean mask (H, W) that is not empty."""
        return cls(category, int(np.count_nonzero(mask)), tight_box(mask), is_crowd)


def panoptic_categories(names: Sequence[str], num_things: int, palette: Sequence[tuple[int, int, int]]) -> list[dict]:
    """Make the categories of a panoptic JSON, with ids 1, 2, ...

    Args:
        names: Class names, things before stuff.
        num_things: Number of things.
        palette: RGB colour of 0..255 of each class.

    Returns:
        Its ``categories``.
    """
    return [
        dict(
            id=index + 1,
            name=name,
            supercategory='thing' if index < num_things else 'stuff',
            isthing=int(index < num_things),
            color=list(color),
        )
        for index, (name, color) in enumerate(zip(names, palette, strict=True))
    ]


def thing_categories(categories: Iterable[dict]) -> list[dict]:
    """Make the categories of an instance JSON: the things, with the ids they have in the panoptic JSON."""
    return [{key: item[key] for key in ('id', 'name', 'supercategory')} for item in categories if item['isthing']]


def segment_records(
    segment_map: np.ndarray,
    segments: Sequence[MeasuredSegment],
    categories: Sequence[dict],
    image_id: int,
    next_id: int,
) -> tuple[list[dict], list[dict], np.ndarray]:
    """Make the annotations of one image.

    Args:
        segment_map: Number of the segment of each pixel, 0 for void, integers, shape (H, W).
        segments: The segments; the first has number 1.
        categories: Result of :func:`panoptic_categories`.
        image_id: Id of the image.
        next_id: Id of its first instance annotation.

    Returns:
        Instance annotations (compressed RLE), ``segments_info`` of the panoptic annotation, and the panoptic picture
        (H, W, 3), uint8 RGB, whose ids are R + 256 G + 65536 B.
    """
    colours = distinct_colours(tuple(categories[segment.category]['color']) for segment in segments)
    ids = colours.astype(np.int64) @ [1, 256, 65536]
    instances, infos = [], []
    for number, segment in enumerate(segments, start=1):
        category = categories[segment.category]
        shared = dict(category_id=category['id'], area=segment.area, bbox=segment.box, iscrowd=int(segment.is_crowd))
        infos.append(dict(id=int(ids[number]), **shared))
        if category['isthing']:
            record = dict(id=next_id + len(instances), image_id=image_id)
            instances.append({**record, 'segmentation': encode_mask(segment_map == number), **shared})
    return instances, infos, colours[segment_map]


def write_json(path: Path, content: dict) -> None:
    """Write a JSON file without blanks."""
    path.write_text(json.dumps(content, separators=(',', ':')) + '\n', encoding='utf-8')


def distinct_colours(class_colours: Iterable[tuple[int, int, int]]) -> np.ndarray:
    """Different colours of the segments of an image, close to the colours of their classes.

    Args:
        class_colours: RGB colour of the class of each segment, N of them.

    Returns:
        (N + 1, 3) uint8 RGB; row 0 is black, for void.
    """
    used, next_variant = {(0, 0, 0)}, Counter()
    colours = [(0, 0, 0)]
    for base in class_colours:
        colour = (0, 0, 0)
        while colour in used:
            # The steps come back after 256 variants; then red moves on by one.
            variant = next_variant[base]
            steps = (5 * variant + variant // 256, 11 * variant, 17 * variant)
            colour = tuple((c + step) % 256 for c, step in zip(base, steps, strict=True))
            next_variant[base] += 1
        used.add(colour)
        colours.append(colour)
    return np.array(colours, np.uint8)


def tight_box(mask: np.ndarray) -> list[int]:
    """Tight x, y, width, height in pixels of a boolean mask (H, W) that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    return [x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1]


def encode_mask(mask: np.ndarray) -> dict:
    """Compressed RLE of a boolean mask (H, W) as JSON takes it: ``size`` and ``counts`` as text."""
    rle = mask_utils.encode(np.asfortranarray(mask, np.uint8))
    return dict(size=rle['size'], counts=rle['counts'].decode('ascii'))
