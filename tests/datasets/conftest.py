"""A small COCO folder that each test spoils in its own way."""

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
