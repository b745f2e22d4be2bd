"""Random ground truth and predictions of instances, and what pycocotools says of them."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import torch
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmdet_panseg.datasets.coco.instance_truth import ImageTruth, InstanceTruth
from mmdet_panseg.evaluation.image_predictions import ImagePredictions
from mmdet_panseg.ops import rle_code

SIZE = (60, 80)
DEFAULT_THRS = np.linspace(0.5, 0.95, 10)


def blob(rng):
    """An ellipse or a scatter of pixels somewhere."""
    y, x = np.ogrid[: SIZE[0], : SIZE[1]]
    (cy, cx), (ry, rx) = rng.random(2) * SIZE, rng.uniform(1, 25, 2)
    inside = ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1
    return inside if rng.random() < 0.8 else inside & (rng.random(SIZE) < 0.7)


def box_of(mask):
    x, y, width, height = coco_masks.toBbox(coco_masks.encode(np.asfortranarray(mask, np.uint8))).tolist()
    return [x, y, width, height]


def random_truth(rng, image_ids, category_ids, most):
    """Polygons and run lengths, crowds, areas that are not the masks'."""
    annotations = []
    for image_id in image_ids:
        for _ in range(rng.integers(0, most)):
            mask = blob(rng)
            rle = coco_masks.encode(np.asfortranarray(mask, np.uint8))
            x, y, width, height = box = box_of(mask)
            polygon = [[x, y, x + width, y, x + width / 2, y + height]]
            crowd = bool(rng.random() < 0.15)
            segmentation = dict(size=rle['size'], counts=rle['counts'].decode())
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=image_id,
                    category_id=category_ids[rng.integers(len(category_ids))],
                    bbox=box,
                    area=float(mask.sum() * rng.uniform(0.5, 8)),
                    iscrowd=int(crowd),
                    segmentation=segmentation if crowd or rng.random() < 0.5 else polygon,
                )
            )
    api = COCO()
    api.dataset = dict(
        images=[dict(id=image_id, height=SIZE[0], width=SIZE[1]) for image_id in image_ids],
        annotations=annotations,
        categories=[dict(id=category_id, name=str(category_id)) for category_id in category_ids],
    )
    with contextlib.redirect_stdout(io.StringIO()):
        api.createIndex()
    return api


def read(api, category_ids):
    """The ground truth as our side has it."""
    images = []
    for image_id in api.imgs:
        annotations = api.imgToAnns[image_id]
        images.append(
            ImageTruth(
                image_id,
                SIZE,
                labels=np.array([category_ids.index(a['category_id']) for a in annotations], np.int64),
                boxes=np.array([a['bbox'] for a in annotations], np.float64).reshape(-1, 4),
                areas=np.array([a['area'] for a in annotations], np.float64),
                crowds=np.array([a['iscrowd'] for a in annotations], bool),
                codes=[rle_code(a['segmentation'], SIZE) for a in annotations],
            )
        )
    return InstanceTruth(images, [dict(id=category_id, name=str(category_id)) for category_id in category_ids])


def random_predictions(rng, truth, category_ids, most):
    """Shifted objects and false ones, with many equal scores; some images have none."""
    found = []
    for image_id in truth.imgs:
        masks = [truth.annToMask(annotation).astype(bool) for annotation in truth.imgToAnns[image_id]]
        masks = [np.roll(mask, rng.integers(-3, 4, 2), (0, 1)) for mask in masks if rng.random() < 0.8]
        labels = [category_ids.index(a['category_id']) for a in truth.imgToAnns[image_id]][: len(masks)]
        extra = int(rng.integers(0, most))
        masks, labels = masks + [blob(rng) for _ in range(extra)], labels + [0] * extra
        boxes = np.array([box_of(mask) for mask in masks], np.float32).reshape(-1, 4)
        boxes += rng.normal(0, 1, boxes.shape).astype(np.float32) * (rng.random() < 0.5)
        boxes[:, 2:] += boxes[:, :2]
        if len(masks) or rng.random() < 0.5:
            instances = dict(
                bboxes=torch.from_numpy(boxes),
                labels=torch.tensor(labels, dtype=torch.long),
                scores=torch.from_numpy(rng.integers(0, 10, len(masks)).astype(np.float32) / 7),
                mask_scores=torch.from_numpy(rng.integers(0, 10, len(masks)).astype(np.float32) / 7),
                masks=torch.from_numpy(np.array(masks, bool).reshape(-1, *SIZE)),
            )
            found.append(ImagePredictions.of_sample(dict(img_id=image_id, ori_shape=SIZE, pred_instances=instances)))
    return found


def referee(kind, truth, category_ids, found, iou_thrs, max_dets, evaluator=COCOeval):
    """What pycocotools computes; classes come out in the order of their ids."""
    entries = []
    for own in found:
        parts = zip(own.coco_boxes().tolist(), own.labels, own.scores, own.mask_scores, own.rles(), strict=True)
        for box, label, score, mask_score, rle in parts:
            shared = dict(image_id=own.image_id, category_id=category_ids[label])
            kept = dict(bbox=box, score=float(score))
            entries.append({**shared, **(kept if kind == 'bbox' else dict(segmentation=rle, score=float(mask_score)))})
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = evaluator(truth, truth.loadRes(entries), kind)
        evaluation.params.catIds, evaluation.params.iouThrs = list(category_ids), iou_thrs
        evaluation.params.maxDets = list(max_dets)
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation
