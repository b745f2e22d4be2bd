"""A small data set with holes and parts, written in the formats of annotation tools."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image
from pycocotools import mask as mask_utils

WIDTH, HEIGHT = 64, 48
CLASSES = ('cat', 'dog')
Box = tuple[int, int, int, int]


@dataclass
class Thing:
    """An object of rectangles (left, top, right, bottom): the parts without the holes."""

    label: str
    parts: list[Box]
    holes: list[Box] = field(default_factory=list)

    def mask(self, width=WIDTH, height=HEIGHT):
        pixels = np.zeros((height, width), bool)
        for left, top, right, bottom in self.parts:
            pixels[top:bottom, left:right] = True
        for left, top, right, bottom in self.holes:
            pixels[top:bottom, left:right] = False
        return pixels


SIMPLE = Thing('cat', [(4, 4, 20, 20)])
PARTS = Thing('dog', [(30, 6, 38, 16), (44, 6, 52, 30)])
RING = Thing('cat', [(22, 22, 42, 42)], [(28, 28, 36, 36)])
SPECK = Thing('dog', [(60, 44, 61, 45)])


def truth(count=5, with_holes=True, with_parts=True):
    """Objects of each image, by file name; the last image has none."""
    found = {}
    for number in range(count):
        things = [SIMPLE, SPECK] if number % 2 else [SIMPLE]
        things = things + [PARTS] * with_parts + [RING] * with_holes
        if not with_parts:
            things = [*things, Thing('dog', [(44, 6, 52, 30)])]
        found[f'img_{number}.png'] = things if number < count - 1 else []
    return found


def corners(box: Box) -> list[tuple[int, int]]:
    left, top, right, bottom = box
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def write_images(folder: Path, names, width=WIDTH, height=HEIGHT):
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    for name in names:
        Image.fromarray(generator.integers(0, 255, (height, width, 3), dtype=np.uint8)).save(folder / name)


def write_labelme(root: Path, images: dict[str, list[Thing]]):
    """Parts are polygons with one group, objects with holes are masks."""
    write_images(root, images)
    for name, things in images.items():
        shapes = []
        for group, thing in enumerate(things, start=1):
            if thing.holes:
                rows, columns = np.nonzero(thing.mask())
                top, left, bottom, right = rows.min(), columns.min(), rows.max(), columns.max()
                picture = io.BytesIO()
                crop = thing.mask()[top : bottom + 1, left : right + 1]
                Image.fromarray(crop.astype(np.uint8) * 255).save(picture, 'PNG')
                shapes.append(
                    dict(
                        label=thing.label,
                        shape_type='mask',
                        group_id=None,
                        points=[[float(left), float(top)], [float(right), float(bottom)]],
                        mask=base64.b64encode(picture.getvalue()).decode(),
                    )
                )
                continue
            for part in thing.parts:
                shapes.append(
                    dict(
                        label=thing.label,
                        shape_type='polygon',
                        group_id=group if len(thing.parts) > 1 else None,
                        points=corners(part),
                        flags={},
                    )
                )
        content = dict(version='5.4.1', flags={}, shapes=shapes, imagePath=name, imageData=None)
        content.update(imageHeight=HEIGHT, imageWidth=WIDTH)
        (root / name).with_suffix('.json').write_text(json.dumps(content))


def cvat_runs(mask: np.ndarray) -> str:
    """Runs along the rows, of background first."""
    values = [bool(value) for value in mask.ravel()]
    runs = [(value, len(list(items))) for value, items in groupby(values)]
    return ', '.join(map(str, ([0] if runs[0][0] else []) + [length for _, length in runs]))


def write_cvat(root: Path, images: dict[str, list[Thing]], subsets=None):
    write_images(root / 'images', images)
    labels = ''.join(f'<label><name>{name}</name><attributes></attributes></label>' for name in CLASSES)
    text = f'<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version><meta><job><labels>{labels}'
    text += '</labels></job></meta>\n'
    for number, (name, things) in enumerate(images.items()):
        subset = f' subset={quoteattr(subsets[name])}' if subsets else ''
        text += f'<image id="{number}" name={quoteattr(name)}{subset} width="{WIDTH}" height="{HEIGHT}">\n'
        for group, thing in enumerate(things, start=1):
            shared = f'label={quoteattr(thing.label)} source="manual" occluded="0" z_order="0"'
            if len(thing.parts) > 1:
                shared += f' group_id="{group}"'
            if thing.holes:
                left, top, right, bottom = thing.parts[0]
                runs = cvat_runs(thing.mask()[top:bottom, left:right])
                place = f'left="{left}" top="{top}" width="{right - left}" height="{bottom - top}"'
                text += f'<mask {shared} rle="{runs}" {place}></mask>\n'
                continue
            for part in thing.parts:
                points = ';'.join(f'{x:.2f},{y:.2f}' for x, y in corners(part))
                text += f'<polygon {shared} points="{points}"></polygon>\n'
        text += '</image>\n'
    (root / 'annotations.xml').write_text(text + '</annotations>\n')


def encode_brush(mask: np.ndarray) -> list[int]:
    """Pack a mask as Label Studio's editor does: runs of the bytes of an RGBA picture, four sizes of lengths."""
    values = np.repeat(mask.ravel().astype(np.uint8) * 255, 4).tolist()
    sizes = (3, 4, 8, 16)
    bits = f'{len(values):032b}{7:05b}' + ''.join(f'{size - 1:04b}' for size in sizes)
    for value, items in groupby(values):
        length = len(list(items))
        while length:
            step = min(length, 2 ** sizes[-1])
            size = next(k for k, size in enumerate(sizes) if step <= 2**size)
            repeated = step > 1
            bits += f'{int(repeated)}{size:02b}{step - 1:0{sizes[size]}b}{value:08b}'
            length -= step
    bits += '0' * (-len(bits) % 8)
    return [int(bits[k : k + 8], 2) for k in range(0, len(bits), 8)]


def write_label_studio(root: Path, images: dict[str, list[Thing]]):
    """Objects of one rectangle are polygons, others are painted."""
    write_images(root, images)
    tasks = []
    for number, (name, things) in enumerate(images.items(), start=1):
        result = []
        for place, thing in enumerate(things):
            painted = bool(thing.holes or len(thing.parts) > 1)
            kind = 'brushlabels' if painted else 'polygonlabels'
            value = {kind: [thing.label]}
            if painted:
                value.update(format='rle', rle=encode_brush(thing.mask()))
            else:
                points = [[100 * x / WIDTH, 100 * y / HEIGHT] for x, y in corners(thing.parts[0])]
                value.update(points=points, closed=True)
            region = dict(id=f'r{place}', type=kind, value=value, from_name='label', to_name='image')
            result.append(dict(region, original_width=WIDTH, original_height=HEIGHT, image_rotation=0))
        annotation = dict(id=number, was_cancelled=False, ground_truth=False, result=result)
        data = dict(image=f'/data/upload/1/0123abcd-{name}')
        tasks.append(dict(id=number, data=data, annotations=[annotation], predictions=[]))
    (root / 'project-1.json').write_text(json.dumps(tasks))


def bridged(thing: Thing) -> list[tuple[int, int]]:
    """One outline of all parts and holes, joined by bridges that are walked to and fro."""
    first, *others = [corners(box) for box in (*thing.parts, *thing.holes)]
    outline = [*first, first[0]]
    for other in others:
        outline += [*other, other[0], first[0]]
    return outline


def write_yolo(root: Path, splits: dict[str, dict[str, list[Thing]]], yaml_text=None):
    for split, images in splits.items():
        write_images(root / 'images' / split, images)
        (root / 'labels' / split).mkdir(parents=True)
        for name, things in images.items():
            lines = []
            for thing in things:
                points = bridged(thing)
                numbers = ' '.join(f'{x / WIDTH:.6f} {y / HEIGHT:.6f}' for x, y in points)
                lines.append(f'{CLASSES.index(thing.label)} {numbers}')
            if lines:
                (root / 'labels' / split / name).with_suffix('.txt').write_text('\n'.join(lines) + '\n')
    places = ''.join(f'{split}: images/{split}\n' for split in splits)
    (root / 'data.yaml').write_text(yaml_text or f'path: .\n{places}names:\n  0: cat\n  1: dog\n')


def coco_of(images: dict[str, list[Thing]], first_id=1, classes=CLASSES) -> dict:
    """COCO content: parts are polygons, objects with holes are RLE."""
    entries, annotations = [], []
    for number, (name, things) in enumerate(images.items(), start=first_id):
        entries.append(dict(id=number, file_name=name, width=WIDTH, height=HEIGHT))
        for thing in things:
            rle = mask_utils.encode(np.asfortranarray(thing.mask(), np.uint8))
            counts = dict(size=[HEIGHT, WIDTH], counts=rle['counts'].decode())
            polygons = [[value for point in corners(part) for value in point] for part in thing.parts]
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=number,
                    category_id=classes.index(thing.label) + 1,
                    segmentation=counts if thing.holes else polygons,
                    area=int(mask_utils.area(rle)),
                    bbox=[int(side) for side in mask_utils.toBbox(rle)],
                    iscrowd=0,
                )
            )
    categories = [dict(id=number, name=name) for number, name in enumerate(classes, start=1)]
    return dict(images=entries, annotations=annotations, categories=categories)


def write_coco(root: Path, splits: dict[str, dict[str, list[Thing]]], classes=CLASSES):
    (root / 'annotations').mkdir(parents=True, exist_ok=True)
    for split, images in splits.items():
        write_images(root / 'images' / split, images)
        path = root / 'annotations' / f'instances_{split}.json'
        path.write_text(json.dumps(coco_of(images, classes=classes)))


def write_panoptic(root: Path, splits: dict[str, dict[str, list[Thing]]], with_instances=False):
    """Things on grass; the lowest rows are void."""
    (root / 'annotations').mkdir(parents=True, exist_ok=True)
    names = (*CLASSES, 'grass')
    categories = [dict(id=k, name=name, isthing=int(name != 'grass')) for k, name in enumerate(names, start=1)]
    for split, images in splits.items():
        write_images(root / 'images' / split, images)
        pngs = root / 'annotations' / f'panoptic_{split}'
        pngs.mkdir()
        entries, annotations = [], []
        for number, (name, things) in enumerate(images.items(), start=1):
            ids = np.full((HEIGHT, WIDTH), 200, np.uint8)
            ids[-4:] = 0
            for k, thing in enumerate(things, start=1):
                ids[thing.mask()] = k
            segments = []
            labels = {k: CLASSES.index(thing.label) + 1 for k, thing in enumerate(things, start=1)} | {200: 3}
            for k, category in labels.items():
                rle = mask_utils.encode(np.asfortranarray(ids == k, np.uint8))
                box = [int(side) for side in mask_utils.toBbox(rle)]
                segments.append(dict(id=k, category_id=category, area=int(mask_utils.area(rle)), bbox=box, iscrowd=0))
            Image.fromarray(np.stack([ids, 0 * ids, 0 * ids], axis=-1)).save(pngs / name)
            entries.append(dict(id=number, file_name=name, width=WIDTH, height=HEIGHT))
            annotations.append(dict(image_id=number, file_name=name, segments_info=segments))
        content = dict(images=entries, annotations=annotations, categories=categories)
        (root / 'annotations' / f'panoptic_{split}.json').write_text(json.dumps(content))
        if with_instances:
            path = root / 'annotations' / f'instances_{split}.json'
            path.write_text(json.dumps(coco_of(images)))


def write_label_maps(root: Path, splits: dict[str, dict[str, list[Thing]]], class_file=True):
    """Label maps with grass 0, cat 1, dog 2 and void 255; ``''`` is a data set without splits."""
    for split, images in splits.items():
        write_images(root / 'images' / split, images)
        (root / 'masks' / split).mkdir(parents=True)
        for name, things in images.items():
            labels = np.zeros((HEIGHT, WIDTH), np.uint8)
            labels[-4:] = 255
            for thing in things:
                labels[thing.mask()] = 1 + CLASSES.index(thing.label)
            Image.fromarray(labels).save(root / 'masks' / split / name)
    if class_file:
        (root / 'classes.txt').write_text('grass\ncat\ndog\n')


def masks_of(content: dict) -> dict[str, set]:
    """(class, mask) of the objects of a COCO file by the names of their images, as COCO's own code decodes them."""
    names = {category['id']: category['name'] for category in content['categories']}
    images = {image['id']: image for image in content['images']}
    found = {image['file_name'].rpartition('/')[2]: set() for image in images.values()}
    for annotation in content['annotations']:
        image, segmentation = images[annotation['image_id']], annotation['segmentation']
        if isinstance(segmentation, list):
            rle = mask_utils.merge(mask_utils.frPyObjects(segmentation, image['height'], image['width']))
        else:
            rle = segmentation
        pixels = mask_utils.decode(rle).astype(bool)
        assert annotation['area'] == pixels.sum() > 0
        found[image['file_name'].rpartition('/')[2]].add((names[annotation['category_id']], pixels.tobytes()))
    return found


def masks_of_truth(images: dict[str, list[Thing]]) -> dict[str, set]:
    return {name: {(thing.label, thing.mask().tobytes()) for thing in things} for name, things in images.items()}
