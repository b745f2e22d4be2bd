"""Sizes, places and numbers of the objects of a data set, from its boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Measures:
    """Measures of the images to train on. N objects that are no crowds, M images.

    Attributes:
        sides: Longer side of each image in pixels, shape (M,).
        areas: Pixels of each image, shape (M,).
        counts: Objects on each image, shape (M,).
        image: Index of each object's image, shape (N,).
        centers: Centres of the objects' boxes as fractions of width and height, shape (N, 2).
        scales: Square roots of the boxes' areas as fractions of the longer side of their image, shape (N,).
        pixels: Areas of the objects in pixels of the image files, shape (N,).
    """

    sides: np.ndarray
    areas: np.ndarray
    counts: np.ndarray
    image: np.ndarray
    centers: np.ndarray
    scales: np.ndarray
    pixels: np.ndarray

    @property
    def num_images(self) -> int:
        """Number of images."""
        return len(self.sides)

    def shared_cells(self, members: np.ndarray, grid: int) -> float:
        """Measure crowding.

        Args:
            members: Which objects to look at, bool of shape (N,).
            grid: Cells along each side of the image.

        Returns:
            Share of these objects whose centre is in one cell with that of another of them; 0 if there are none.
        """
        if not members.any():
            return 0.0
        cells = np.minimum((self.centers[members] * grid).astype(np.int64), grid - 1)
        keys = (self.image[members] * grid + cells[:, 0]) * grid + cells[:, 1]
        _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
        return float((counts[inverse] > 1).mean())


def measure(content: dict[str, Any]) -> Measures:
    """Measure the objects of a COCO file.

    Args:
        content: Content of the file, of instances or panoptic; of the latter things are measured.

    Returns:
        The measures. Objects with boxes that cannot be are left out.
    """
    images = content['images']
    place = {image['id']: index for index, image in enumerate(images)}
    width = np.array([image['width'] for image in images], np.float64)
    height = np.array([image['height'] for image in images], np.float64)
    stuff = {category['id'] for category in content['categories'] if category.get('isthing') == 0}
    rows = [
        (place[annotation['image_id']], *item['bbox'], item['area'])
        for annotation in content['annotations']
        for item in annotation.get('segments_info', [annotation])
        if not item.get('iscrowd') and item['category_id'] not in stuff and _is_box(item)
    ]
    table = np.array(rows, np.float64).reshape(-1, 6)
    owner = table[:, 0].astype(np.int64)
    boxes = table[:, 1:5]
    size = np.stack([width, height], axis=1)
    longer = size.max(axis=1)
    return Measures(
        sides=longer,
        areas=width * height,
        counts=np.bincount(owner, minlength=len(images)),
        image=owner,
        centers=np.clip((boxes[:, :2] + boxes[:, 2:] / 2) / size[owner], 0, 1),
        scales=np.sqrt(boxes[:, 2] * boxes[:, 3]) / longer[owner],
        pixels=table[:, 5],
    )


def _is_box(item: dict[str, Any]) -> bool:
    """Whether box and area are numbers above zero; the data set reports the others."""
    numbers = [*(item.get('bbox') or ()), item.get('area')]
    if len(numbers) != 5 or not all(isinstance(number, (int, float)) for number in numbers):
        return False
    return bool(np.isfinite(numbers).all()) and min(numbers[2:]) > 0
