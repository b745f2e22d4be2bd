"""Generated images with panoptic ground truth and predictions, for the benchmark beside this file."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.structures import InstanceData

from mmdet_panseg.ops import rgb_from_ids

NUM_THINGS, NUM_STUFF = 80, 53
NUM_CLASSES = NUM_THINGS + NUM_STUFF
NAMES = tuple(f'class {label}' for label in range(NUM_CLASSES))


class Scene:
    """One generated image: two thirds of its segments are things, the others stuff, and one part is void.

    Attributes:
        record: What a data set gives the loaders; the PNG file is written.
        annotation: Its entry of the annotation file.
        masks: Masks of predicted instances, which overlap, bool, shape (N, H, W).
        instances: Scores and labels of these.
        logits: Of stuff classes and, in the last channel, of things, shape (S + 1, H, W).
        channels: Best channel of each pixel, int64, shape (H, W).
        panoptic: Prediction with moved borders and some wrong classes, int64, shape (1, H, W).
    """

    def __init__(self, index: int, height: int, width: int, segments: int, folder: Path, device: str) -> None:
        rng = np.random.default_rng(index)
        things = segments * 2 // 3
        labels = np.concatenate(
            [rng.integers(0, NUM_THINGS, things), NUM_THINGS + rng.permutation(NUM_STUFF)[: segments - things]]
        )
        places = cells(rng, height, width, segments + 1)
        self._write(index, places, labels, rng, folder)
        self._predict(places, labels, rng, device)

    def _write(
        self, index: int, places: np.ndarray, labels: np.ndarray, rng: np.random.Generator, folder: Path
    ) -> None:
        ids = np.append(rng.choice(2**24 - 1, len(labels), replace=False) + 1, 0)
        path = folder / f'{index}.png'
        cv2.imwrite(str(path), rgb_from_ids(ids[places])[..., ::-1])
        segments_info, instances, annotated = [], [], []
        for place, label in enumerate(labels.tolist()):
            rows, columns = np.nonzero(places == place)
            if len(rows) == 0:
                continue
            box = [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]
            shared = dict(id=int(ids[place]), iscrowd=0)
            segments_info.append(dict(shared, category=label, is_thing=label < NUM_THINGS))
            annotated.append(dict(shared, category_id=label + 1, area=len(rows), bbox=box))
            if label < NUM_THINGS:
                instances.append(dict(bbox=box, bbox_label=label, ignore_flag=0))
        height, width = places.shape
        self.record = dict(
            **dict(img_id=index, img_path=f'{index}.jpg', seg_map_path=str(path), segments_info=segments_info),
            **dict(instances=instances, ori_shape=places.shape, height=height, width=width),
        )
        self.annotation = dict(image_id=index, file_name=path.name, segments_info=annotated)

    def _predict(self, places: np.ndarray, labels: np.ndarray, rng: np.random.Generator, device: str) -> None:
        moved = np.roll(places, (2, 3), (0, 1))
        things = np.flatnonzero(labels < NUM_THINGS)
        masks = np.stack([cv2.dilate((moved == place).astype(np.uint8), np.ones((7, 7))) for place in things])
        self.masks = torch.from_numpy(masks.astype(bool)).to(device)
        self.instances = InstanceData(
            scores=torch.from_numpy(rng.permutation(len(things)) / len(things)).float().to(device),
            labels=torch.from_numpy(labels[things]).to(device),
        )
        channels = np.append(np.where(labels < NUM_THINGS, NUM_STUFF, labels - NUM_THINGS), NUM_STUFF)[moved]
        logits = rng.normal(size=(NUM_STUFF + 1, *places.shape)).astype(np.float32)
        np.put_along_axis(logits, channels[None], 9.0, axis=0)
        self.logits = torch.from_numpy(logits).to(device)
        self.channels = self.logits.argmax(dim=0)
        found = np.where(rng.random(len(labels)) < 0.2, rng.integers(0, NUM_CLASSES, len(labels)), labels)
        values = np.append(found + 1000 * (found < NUM_THINGS) * np.arange(1, len(labels) + 1), NUM_CLASSES)
        self.panoptic = torch.from_numpy(values[moved])[None]


def cells(rng: np.random.Generator, height: int, width: int, number: int) -> np.ndarray:
    """Divide an image into cells with wavy borders; int64, shape (H, W)."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    waves = (cv2.resize(rng.normal(0, 12, (24, 32)).astype(np.float32), (width, height)) for _ in range(2))
    rows, columns = (positions + wave for positions, wave in zip((rows, columns), waves, strict=True))
    nearest, best = np.zeros((height, width), np.int64), np.full((height, width), np.inf)
    for place, (row, column) in enumerate(rng.random((number, 2)) * (height, width)):
        distance = (rows - row) ** 2 + (columns - column) ** 2
        nearest[distance < best] = place
        best = np.minimum(best, distance)
    return nearest


def write_annotations(scenes: list[Scene], folder: Path) -> Path:
    """Write the annotation file of the scenes."""
    images = []
    for scene in scenes:
        height, width = scene.record['ori_shape']
        images.append(dict(id=scene.record['img_id'], file_name=scene.record['img_path'], height=height, width=width))
    categories = [dict(id=label + 1, name=name, isthing=int(label < NUM_THINGS)) for label, name in enumerate(NAMES)]
    path = folder / 'panoptic.json'
    annotations = [scene.annotation for scene in scenes]
    path.write_text(json.dumps(dict(images=images, annotations=annotations, categories=categories)))
    return path
