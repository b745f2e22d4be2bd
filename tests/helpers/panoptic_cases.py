"""Random panoptic ground truths and predictions, and files of them for the libraries that score files."""

from __future__ import annotations

import json

import cv2
import numpy as np

from mmdet_panseg.ops import VOID_ROW, SegmentTable, segment_rows

NUM_THINGS, NUM_CLASSES = 3, 5


def random_case(seed, height=12, width=17, num_segments=6):
    """Ground truth map, its table and a predicted map that agrees with it in part.

    Both have void; the ground truth has crowds and segments without pixels, the prediction misses some segments,
    changes the class of some and adds others.
    """
    rng = np.random.default_rng(seed)
    rows = segment_rows(num_segments)
    labels = rng.integers(0, NUM_CLASSES, num_segments)
    is_thing = labels < NUM_THINGS
    is_crowd = is_thing & (rng.random(num_segments) < 0.3)
    ids = rng.choice(2**24 - 1, num_segments, replace=False) + 1
    table = SegmentTable.from_segments(ids, labels, is_thing, is_crowd)
    values = np.append(rows, VOID_ROW)
    gt_map = _blocks(rng, values, height, width).astype(np.uint16)
    wrong = rng.random(len(labels) + 1) < 0.2
    pred_labels = np.append(labels, NUM_CLASSES)
    pred_labels[wrong] = rng.integers(0, NUM_CLASSES + 1, wrong.sum())
    renamed = np.full(len(table), NUM_CLASSES)
    renamed[values] = pred_labels + 1000 * np.where(pred_labels < NUM_THINGS, np.arange(len(values)) + 1, 0)
    pred_map = renamed[np.roll(gt_map, tuple(rng.integers(-1, 2, 2)), (0, 1))]
    extra = rng.integers(0, NUM_CLASSES + 1)
    pred_map[_blocks(rng, np.arange(5), height, width) == 0] = extra + 1000 * 999 * (extra < NUM_THINGS)
    return gt_map, table, pred_map.astype(np.int64)


def _blocks(rng, values, height, width):
    """Values in a coarse random pattern with single wrong pixels in it."""
    coarse = rng.choice(values, (max(height // 4, 1), max(width // 4, 1)))
    rows, columns = (np.arange(size) * len_ // size for size, len_ in zip((height, width), coarse.shape, strict=True))
    pattern = coarse[rows][:, columns]
    noise = rng.random((height, width)) < 0.05
    pattern[noise] = rng.choice(values, noise.sum())
    return pattern


def write_files(folder, cases):
    """Write cases in COCO's panoptic format: ``gt.json``, ``gt/``, ``pred.json``, ``pred/``; return the two JSON files.

    Category ids are labels + 1; ids of predictions are values + 1.
    """
    truth, predictions = [], []
    for image, (gt_map, table, pred_map) in enumerate(cases):
        gt_ids = table.ids[gt_map]
        segments = [
            dict(
                **dict(id=int(table.ids[row]), category_id=int(table.labels[row]) + 1),
                **dict(iscrowd=int(table.is_crowd[row]), area=int((gt_map == row).sum()), bbox=[0, 0, 1, 1]),
            )
            for row in table.rows
        ]
        truth.append(_write_image(folder / 'gt', image, gt_ids, segments))
        pred_ids = np.where(pred_map % 1000 == NUM_CLASSES, 0, pred_map + 1)
        segments = [
            dict(id=int(value), category_id=int(value - 1) % 1000 + 1, area=int(area), iscrowd=0, bbox=[0, 0, 1, 1])
            for value, area in zip(*np.unique(pred_ids, return_counts=True), strict=True)
            if value
        ]
        predictions.append(_write_image(folder / 'pred', image, pred_ids, segments))
    categories = [
        dict(id=label + 1, name=f'class {label}', isthing=int(label < NUM_THINGS)) for label in range(NUM_CLASSES)
    ]
    images = [
        dict(id=image, file_name=f'{image}.jpg', height=case[0].shape[0], width=case[0].shape[1])
        for image, case in enumerate(cases)
    ]
    (folder / 'gt.json').write_text(json.dumps(dict(images=images, annotations=truth, categories=categories)))
    (folder / 'pred.json').write_text(json.dumps(dict(annotations=predictions)))
    return folder / 'gt.json', folder / 'pred.json'


def _write_image(folder, image, ids, segments):
    folder.mkdir(exist_ok=True)
    channels = np.stack([ids // 65536, ids // 256 % 256, ids % 256], axis=-1).astype(np.uint8)
    cv2.imwrite(str(folder / f'{image}.png'), channels)
    return dict(image_id=image, file_name=f'{image}.png', segments_info=segments)
