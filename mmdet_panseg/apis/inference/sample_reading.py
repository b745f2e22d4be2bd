"""Turn a model's result for one image into plain numbers and arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from pycocotools import mask as coco_masks

from mmdet_panseg.ops import INSTANCE_OFFSET, VOID_LABEL, boxes_from_masks, rle_from_crop

from .prediction import ClassNames, Prediction

_LARGEST_BYTE = 255


def read_prediction(
    sample: DetDataSample, name: str, size: tuple[int, int], classes: ClassNames, score_thr: float
) -> Prediction:
    """Read what a model found in an image.

    Args:
        sample: Its result, with any of ``pred_instances``, ``pred_sem_seg`` and ``pred_panoptic_seg``.
        name: Name of the image.
        size: Height and width of the image in pixels.
        classes: The classes.
        score_thr: Least score of instances. The panoptic map has the threshold of the model.

    Returns:
        The prediction.
    """
    semantic = sample.pred_sem_seg.sem_seg[0].cpu().numpy() if 'pred_sem_seg' in sample else None
    panoptic, segments = _read_panoptic(sample, classes) if 'pred_panoptic_seg' in sample else (None, None)
    found = sample.pred_instances if 'pred_instances' in sample else InstanceData(scores=torch.zeros(0))
    return Prediction(
        name=name,
        size=size,
        classes=classes,
        **read_instances(found[found.scores >= score_thr], size),
        semantic_map=None if semantic is None else small_integers(semantic, len(classes.names)),
        panoptic_map=panoptic,
        segments_info=segments,
    )


def read_instances(found: InstanceData, size: tuple[int, int], corner: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    """Read the instances of an image, or of a window of one, by falling score.

    Args:
        found: ``scores`` and ``labels``, shape (N,), ``bboxes``, shape (N, 4), and ``masks``, bool, shape (N, h, w), as
            far as there are any. Without boxes, or with mmdet's boxes of zeros, boxes are those of the masks. Masks
            without a pixel in the image are left out.
        size: Height and width of the image in pixels.
        corner: Left column and top row of the window.

    Returns:
        ``boxes``, ``scores``, ``labels`` and ``masks`` of a :class:`Prediction`.
    """
    order = found.scores.sort(descending=True, stable=True).indices
    labels = found.labels[order] if 'labels' in found else order
    boxes = found.bboxes[order].float() if 'bboxes' in found else torch.zeros(len(order), 4)
    rles: list[dict] = []
    if 'masks' in found:
        masks = torch.as_tensor(found.masks)[order].bool()
        tight = boxes_from_masks(masks)
        boxes = torch.where((boxes.to(tight) == 0).all(dim=1, keepdim=True), tight, boxes.to(tight))
        rles = [_rle(mask, box, size, corner) for mask, box in zip(masks, tight.long().tolist(), strict=True)]
        seen = [index for index, rle in enumerate(rles) if coco_masks.area(rle)]
        rles, boxes, order, labels = [rles[index] for index in seen], boxes[seen], order[seen], labels[seen]
    boxes = boxes.cpu().numpy().astype(np.float32) + np.array([*corner, *corner], np.float32)
    scores = found.scores[order].cpu().numpy().astype(np.float32)
    return dict(boxes=boxes, scores=scores, labels=labels.cpu().numpy().astype(np.int64), masks=rles)


def _rle(mask: torch.Tensor, box: list[int], size: tuple[int, int], corner: tuple[int, int]) -> dict:
    x1, y1, x2, y2 = box
    return rle_from_crop(mask[y1:y2, x1:x2].cpu().numpy(), (x1 + corner[0], y1 + corner[1]), size)


def small_integers(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Store a semantic map in a byte a pixel, if there is room for its classes; others than these are void."""
    void = (labels < 0) | (labels >= num_classes)
    kind = np.uint8 if num_classes <= _LARGEST_BYTE else np.int32
    return np.where(void, VOID_LABEL if kind == np.uint8 else -1, labels).astype(kind)


def _read_panoptic(sample: DetDataSample, classes: ClassNames) -> tuple[np.ndarray, list[dict]]:
    """Give ids, 0 for void and value + 1 for the others, and what is known of their segments."""
    predicted = sample.pred_panoptic_seg
    values = predicted.sem_seg[0].cpu().numpy()
    ids = np.where(values % INSTANCE_OFFSET >= len(classes.names), 0, values + 1).astype(np.int32)
    infos = predicted.metainfo.get('segments_info')
    if infos is None:
        return ids, segments_of_map(ids, classes)
    segments = [
        dict(
            id=info['id'] + 1,
            category_id=info['category'],
            isthing=info['isthing'],
            score=info['score'],
            area=info['area'],
            bbox=info['bbox'],
        )
        for info in infos
    ]
    return ids, segments


def segments_of_map(ids: np.ndarray, classes: ClassNames) -> list[dict]:
    """Describe the segments of a map of ids, as mmdet's models give the map alone."""
    segments = []
    for value in np.unique(ids[ids > 0]).tolist():
        mask = ids == value
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        left, top = int(columns[0]), int(rows[0])
        label = (value - 1) % INSTANCE_OFFSET
        segments.append(
            dict(
                id=value,
                category_id=label,
                isthing=label < classes.num_things,
                score=None,
                area=int(np.count_nonzero(mask)),
                bbox=[left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top],
            )
        )
    return segments
