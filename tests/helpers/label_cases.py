"""A small source of label maps, and slow readings of what the conversion should make and of what it wrote."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as mask_utils

from mmdet_panseg.datasets.conversion import ClassList, choose_label_classes

NAMES = ('sky', 'road', 'car', 'person')
CLASSES = choose_label_classes(ClassList(NAMES), ['car', 'person'], {255})
SKY, ROAD, CAR, PERSON, VOID = 0, 1, 2, 3, 255


def write_pair(root: Path, split: str, name: str, label_map, image_suffix='.jpg'):
    """Write an image and its label map as a palette PNG."""
    label_map = np.asarray(label_map, np.uint8)
    image = root / 'images' / split / f'{name}{image_suffix}'
    target = root / 'labels' / split / f'{name}.png'
    for path in (image, target):
        path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 255, (*label_map.shape, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(image)
    picture = Image.fromarray(label_map)
    picture.putpalette(np.arange(768).astype(np.uint8)[::-1].tobytes())
    picture.save(target)
    return image, target


def flood_fill(mask: np.ndarray) -> list[set[tuple[int, int]]]:
    """8-connected components, pixel by pixel."""
    left = {(int(y), int(x)) for y, x in np.argwhere(mask)}
    components = []
    while left:
        component, edge = set(), [left.pop()]
        while edge:
            y, x = edge.pop()
            component.add((y, x))
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            edge += near
        components.append(component)
    return components


def wanted_segments(label_map: np.ndarray, min_area: int = 1) -> set[tuple]:
    """(class name, is crowd, pixels) of every segment, without small components."""
    found = set()
    for item in CLASSES:
        mask = label_map == item.value
        if item.is_thing:
            parts = [part for part in flood_fill(mask) if len(part) >= min_area]
        else:
            parts = [{(int(y), int(x)) for y, x in np.argwhere(mask)}]
        found |= {(item.name, 0, frozenset(part)) for part in parts if part}
    return found


def read_json(path: Path) -> dict:
    return json.loads(path.read_text(encoding='utf-8'))


def written_segments(root: Path, split: str) -> dict[str, set[tuple]]:
    """What the panoptic files of a split say, by file name, after checks of areas and boxes."""
    content = read_json(root / 'annotations' / f'panoptic_{split}.json')
    names = {category['id']: category['name'] for category in content['categories']}
    images = {image['id']: image for image in content['images']}
    found = {}
    for annotation in content['annotations']:
        rgb = np.array(Image.open(root / 'annotations' / f'panoptic_{split}' / annotation['file_name'])).astype(int)
        image = images[annotation['image_id']]
        assert rgb.shape == (image['height'], image['width'], 3)
        ids = rgb @ [1, 256, 65536]
        infos = annotation['segments_info']
        assert set(np.unique(ids)) - {0} == {info['id'] for info in infos}
        assert len({info['id'] for info in infos}) == len(infos)
        segments = set()
        for info in infos:
            pixels = np.argwhere(ids == info['id'])
            (y0, x0), (y1, x1) = pixels.min(axis=0), pixels.max(axis=0)
            assert info['bbox'] == [x0, y0, x1 - x0 + 1, y1 - y0 + 1] and info['area'] == len(pixels)
            segments.add((names[info['category_id']], info['iscrowd'], frozenset(map(tuple, pixels.tolist()))))
        found[image['file_name']] = segments
    return found


def written_instances(root: Path, split: str) -> dict[str, set[tuple]]:
    """What the instance file of a split says, by file name."""
    content = read_json(root / 'annotations' / f'instances_{split}.json')
    names = {category['id']: category['name'] for category in content['categories']}
    found = {image['id']: set() for image in content['images']}
    ids = [annotation['id'] for annotation in content['annotations']]
    assert len(set(ids)) == len(ids) and 0 not in ids
    for annotation in content['annotations']:
        pixels = np.argwhere(mask_utils.decode(annotation['segmentation']))
        assert annotation['area'] == len(pixels)
        name, crowd = names[annotation['category_id']], annotation['iscrowd']
        found[annotation['image_id']].add((name, crowd, frozenset(map(tuple, pixels.tolist()))))
    return {image['file_name']: found[image['id']] for image in content['images']}
