"""Predictions as a model would give them, with holes, parts and names that files have to quote."""

from __future__ import annotations

import numpy as np
from pycocotools import mask as mask_utils

from mmdet_panseg.apis.inference.prediction import ClassNames, Prediction

CLASSES = ClassNames(
    ('car', 'man & "dog"', 'sky', 'grüne Wiese'), 2, [(220, 20, 60), (0, 0, 230), (9, 130, 180), (0, 80, 0)]
)


def disc(size, center, radius, hole=0.0):
    """A disc around ``(row, column)``, or a ring, bool, shape ``size``."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    distance = np.hypot(rows - center[0], columns - center[1])
    return (distance <= radius) & (distance >= hole)


def prediction(name, masks, labels, size, scores=None, stuff=None):
    """A prediction of these masks; ``stuff`` is the label of each pixel in a panoptic map below the things."""
    scores = np.linspace(0.9, 0.5, len(masks)) if scores is None else np.asarray(scores)
    rles = [mask_utils.encode(np.asfortranarray(mask, np.uint8)) for mask in masks]
    boxes = np.array([mask_utils.toBbox(rle) for rle in rles], np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    panoptic_map = infos = None
    if stuff is not None:
        panoptic_map, infos = panoptic_of(masks, labels, scores, stuff)
    return Prediction(
        name,
        size,
        CLASSES,
        boxes,
        scores.astype(np.float32),
        np.asarray(labels, np.int64).reshape(-1),
        rles,
        panoptic_map=panoptic_map,
        segments_info=infos,
    )


def panoptic_of(masks, labels, scores, stuff):
    """A panoptic map in which the first masks are above, with ids label + 1 + 1000 k."""
    ids = np.where(stuff < 0, 0, stuff + 1).astype(np.int32)
    for k, (mask, label) in reversed(list(enumerate(zip(masks, labels, strict=True), start=1))):
        ids[mask] = label + 1 + 1000 * k
    infos = []
    for value in np.unique(ids[ids > 0]).tolist():
        mask, label = ids == value, (value - 1) % 1000
        box = mask_utils.toBbox(mask_utils.encode(np.asfortranarray(mask, np.uint8))).tolist()
        score = float(scores[value // 1000 - 1]) if value > 1000 else None
        infos.append(dict(id=value, category_id=label, isthing=label < 2, score=score, area=int(mask.sum()), bbox=box))
    return ids, infos


def predictions(panoptic=False):
    """Three images: a ring, two parts and a single pixel; nothing; masks that fill the image and touch its border."""
    size = (61, 83)
    two = disc(size, (12, 60), 9) | disc(size, (45, 65), 11, hole=5)
    pixel = np.zeros(size, bool)
    pixel[40, 3] = True
    masks = [disc(size, (25, 25), 18, hole=8), two, pixel]
    full = [np.ones((8, 5), bool), disc((8, 5), (0, 0), 3)]
    stuff = np.full(size, 2)
    stuff[50:] = 3
    stuff[:2] = -1
    return [
        prediction('a/b c.jpg', masks, [0, 1, 0], size, stuff=stuff if panoptic else None),
        prediction('nothing.jpg', [], [], (7, 9), stuff=np.full((7, 9), -1) if panoptic else None),
        prediction('süß & "x".png', full, [1, 0], (8, 5), stuff=np.full((8, 5), 3) if panoptic else None),
    ]


def random_predictions(seed, count=3):
    """Masks of noise, which have many parts and holes."""
    rng = np.random.default_rng(seed)
    made = []
    for image in range(count):
        size = tuple(rng.integers(1, 30, 2).tolist())
        masks = [rng.random(size) < share for share in rng.random(4)]
        masks = [mask for mask in masks if mask.any()]
        made.append(prediction(f'{image}.jpg', masks, rng.integers(0, 2, len(masks)), size))
    return made
