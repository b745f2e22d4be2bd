"""A small COCO folder that each test spoils in its own way."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

WIDTH, HEIGHT = 40, 24
SQUARE = [4.0, 4.0, 14.0, 4.0, 14.0, 14.0, 4.0, 14.0]


def square(annotation_id: int, image_id: int = 1, category_id: int = 1, **changes) -> dict:
    """A good annotation: a square of 10 x 10 pixels."""
    annotation = {
        'id': annotation_id,
        'image_id': image_id,
        'category_id': category_id,
        'bbox': [4.0, 4.0, 10.0, 10.0],
        'area': 100.0,
        'iscrowd': 0,
        'segmentation': [list(SQUARE)],
    }
    return {**annotation, **changes}


class CocoFolder:
    """Annotation file and images of three photographs with two classes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.content = {
            'images': [{'id': i, 'file_name': f'photo{i}.jpg', 'height': HEIGHT, 'width': WIDTH} for i in (1, 2, 3)],
            'annotations': [square(11), square(12, category_id=5), square(13, image_id=2)],
            'categories': [{'id': 1, 'name': 'apple'}, {'id': 5, 'name': 'pear tree'}],
        }
        (root / 'images').mkdir()
        pixels = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        for image in self.content['images']:
            cv2.imwrite(str(self.image(image['file_name'])), pixels)

    @property
    def ann_file(self) -> Path:
        return self.root / 'objects.json'

    def image(self, name: str) -> Path:
        return self.root / 'images' / name

    def arguments(self, **changes) -> dict:
        """Writes the annotation file and gives the arguments of a data set that reads it."""
        self.ann_file.write_text(json.dumps(self.content))
        return {
            'data_root': str(self.root),
            'ann_file': 'objects.json',
            'data_prefix': {'img': 'images/'},
            **changes,
        }


@pytest.fixture
def coco_folder(tmp_path) -> CocoFolder:
    return CocoFolder(tmp_path)


@pytest.fixture
def make_square():
    return square


PANOPTIC_CATEGORIES = [
    {'id': 1, 'name': 'apple', 'isthing': 1, 'color': [200, 0, 0]},
    {'id': 5, 'name': 'pear tree', 'isthing': 1, 'color': [0, 200, 0]},
    {'id': 90, 'name': 'sky', 'isthing': 0, 'color': [0, 0, 200]},
    {'id': 92, 'name': 'grass', 'isthing': 0, 'color': [0, 90, 0]},
]


class PanopticFolder:
    """COCO panoptic files of three photographs: things, a crowd and stuff; stuff only; one thing in void."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / 'images').mkdir()
        (root / 'segments').mkdir()
        self.ids = {1: np.full((HEIGHT, WIDTH), 7000), 2: np.full((HEIGHT, WIDTH), 80), 3: np.zeros((HEIGHT, WIDTH))}
        self.ids[1][:10] = 70_000
        self.ids[1][2:8, 3:9] = 300
        self.ids[1][12:20, 20:30] = 66_000
        self.ids[1][15:24, 5:12] = 5
        self.ids[1][0, :4] = 0
        self.ids[2][:5] = 81
        self.ids[3][3:9, 4:12] = 1_000_000
        kinds = {70_000: 90, 7000: 92, 300: 1, 66_000: 5, 5: 1, 80: 92, 81: 90, 1_000_000: 5}
        self.content = {
            'images': [{'id': i, 'file_name': f'photo{i}.jpg', 'height': HEIGHT, 'width': WIDTH} for i in (1, 2, 3)],
            'annotations': [self._annotation(i, ids, kinds) for i, ids in self.ids.items()],
            'categories': [dict(category) for category in PANOPTIC_CATEGORIES],
        }
        self.segment(66_000)['iscrowd'] = 1
        pixels = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        for i in self.ids:
            cv2.imwrite(str(root / 'images' / f'photo{i}.jpg'), pixels)
            self.write_png(i)

    @staticmethod
    def _annotation(image_id: int, ids: np.ndarray, kinds: dict) -> dict:
        infos = []
        for segment_id in [int(value) for value in np.unique(ids) if value]:
            ys, xs = np.nonzero(ids == segment_id)
            box = [int(xs.min()), int(ys.min()), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1]
            shared = {'id': segment_id, 'category_id': kinds[segment_id], 'iscrowd': 0}
            infos.append({**shared, 'area': len(xs), 'bbox': box})
        return {'image_id': image_id, 'file_name': f'photo{image_id}.png', 'segments_info': infos}

    def segment(self, segment_id: int) -> dict:
        """The entry of ``segments_info`` with an id."""
        infos = [info for annotation in self.content['annotations'] for info in annotation['segments_info']]
        return next(info for info in infos if info['id'] == segment_id)

    def png(self, image_id: int) -> Path:
        return self.root / 'segments' / f'photo{image_id}.png'

    def write_png(self, image_id: int) -> None:
        ids = self.ids[image_id].astype(np.int64)
        cv2.imwrite(str(self.png(image_id)), np.stack([ids >> 16, ids >> 8 & 255, ids & 255], axis=-1).astype('u1'))

    @property
    def ann_file(self) -> Path:
        return self.root / 'panoptic.json'

    def arguments(self, **changes) -> dict:
        """Writes the annotation file and gives the arguments of a data set that reads it."""
        self.ann_file.write_text(json.dumps(self.content))
        return {
            'data_root': str(self.root),
            'ann_file': 'panoptic.json',
            'data_prefix': {'img': 'images/', 'seg': 'segments/'},
            **changes,
        }


@pytest.fixture
def panoptic_folder(tmp_path) -> PanopticFolder:
    return PanopticFolder(tmp_path)
