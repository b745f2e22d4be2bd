"""COCO's AP and AR from memory, matched by hotcoco and summarized by pycocotools."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import hotcoco
import numpy as np
import numpy.typing as npt
from mmengine.logging import print_log
from pycocotools import mask as coco_masks
from pycocotools.cocoeval import COCOeval

from mmdet_panseg.datasets.coco.instance_truth import InstanceTruth

from .errors import EvaluationError
from .image_predictions import ImagePredictions

LVIS_MAX_DETS = 300
"""How many instances of an image, of all classes, LVIS counts."""

_INSTANCES_AT_A_TIME = 10_000
_SECONDS_BETWEEN_LINES = 10.0


def evaluate_coco(
    kind: str,
    truth: InstanceTruth,
    predictions: Sequence[ImagePredictions],
    iou_thrs: npt.NDArray[np.float64],
    max_dets: Sequence[int],
) -> COCOeval:
    """Match predictions with the ground truth and compute precision and recall.

    hotcoco gives pycocotools' arrays to the last bit. Images go through it a few at a time, so that what Python holds
    of them stays small.

    Args:
        kind: ``'bbox'`` or ``'segm'``.
        truth: Ground truth with K classes.
        predictions: Predictions of the images, in any order.
        iou_thrs: Thresholds of the IoU, shape ``(T,)``.
        max_dets: How many instances of a class count in an image, M numbers.

    Returns:
        pycocotools' evaluation, ready for ``summarize``. ``eval`` has ``precision``, shape ``(T, R, K, A, M)``, with
        classes in the order of the labels, and ``recall``, shape ``(T, K, A, M)``.

    Raises:
        EvaluationError: If there are predictions of other images, or none of masks for ``'segm'``.
    """
    # pycocotools wants its thresholds as an array, and numbers in ascending order.
    summary = COCOeval(iouType=kind)
    summary.params.iouThrs, summary.params.maxDets = iou_thrs, sorted(max_dets)
    params = hotcoco.Params(kind)
    params.iou_thrs, params.max_dets = iou_thrs.tolist(), summary.params.maxDets
    labels = [dict(id=label, name=str(label)) for label in range(len(truth.categories))]
    streamed = hotcoco.StreamingEval(labels, kind, params=params)
    summary.eval = _matched(streamed, kind, truth, predictions).eval
    return summary


def evaluate_lvis(
    kind: str, truth: InstanceTruth, predictions: Sequence[ImagePredictions], iou_thrs: npt.NDArray[np.float64]
) -> hotcoco.COCOeval:
    """Match and compute by the rules of LVIS, with the figures of its own package, lvis.

    300 instances of an image count, and those of a class only where LVIS says whether the image has it. What has no
    pixels does not count.

    Args:
        kind: As in :func:`evaluate_coco`.
        truth: Ground truth with ``absent``, ``incomplete`` and ``frequency``.
        predictions: As in :func:`evaluate_coco`.
        iou_thrs: As in :func:`evaluate_coco`.

    Returns:
        hotcoco's evaluation, whose ``eval`` has ``precision`` of shape ``(T, R, K, A, 1)``.

    Raises:
        EvaluationError: As in :func:`evaluate_coco`.
    """
    params = hotcoco.Params(kind)
    params.iou_thrs, params.max_dets = iou_thrs.tolist(), [LVIS_MAX_DETS]
    labels = [
        dict(id=label, name=str(label), frequency=category['frequency'])
        for label, category in enumerate(truth.categories)
    ]
    streamed = hotcoco.StreamingEval(labels, kind, lvis_style=True, params=params)
    # LVIS knows no crowds.
    uncrowded = (replace(image, crowds=np.zeros(len(image), bool)) for image in truth.images)
    images = [image.select(image.areas > 0) for image in uncrowded]
    chosen = [_counted_by_lvis(kind, own) for own in predictions]
    return _matched(streamed, kind, InstanceTruth(images, truth.categories), chosen)


def _matched(
    streamed: hotcoco.StreamingEval, kind: str, truth: InstanceTruth, predictions: Sequence[ImagePredictions]
) -> hotcoco.COCOeval:
    found = _by_image(kind, truth, predictions)
    # Labels stand for category ids, and the numbers of the sorted images for their ids, which may be texts.
    labels = range(len(truth.categories))
    images = sorted(truth.images, key=lambda image: image.image_id)
    counts = [len(image) + sum(map(len, found[image.image_id])) for image in images]
    for first, last in _with_progress(kind, _batches(counts), len(images)):
        batch = list(enumerate(images[first:last], start=first))
        objects: list[dict] = []
        for number, image in batch:
            objects += image.annotations(number, labels, len(objects) + 1, with_masks=kind == 'segm')
        streamed.update(
            [image.coco_image(number) for number, image in batch],
            objects,
            _instances(kind, [(number, own) for number, image in batch for own in found[image.image_id]]),
        )
    matched = streamed.finalize()
    matched.accumulate()
    return matched


def _by_image(
    kind: str, truth: InstanceTruth, predictions: Sequence[ImagePredictions]
) -> Mapping[Any, list[ImagePredictions]]:
    known = {image.image_id for image in truth.images}
    found: dict[Any, list[ImagePredictions]] = defaultdict(list)
    for own in predictions:
        if own.image_id not in known:
            raise EvaluationError(
                f'image {own.image_id} was predicted, and is not among the {len(known)} images of the ground '
                'truth: evaluate the images of the data set that the metric got.'
            )
        if kind == 'segm' and own.codes is None:
            raise EvaluationError(
                f"metric 'segm': the predictions of image {own.image_id} have no masks; take metric='bbox' for a model "
                'without masks.'
            )
        found[own.image_id].append(own)
    return found


def _instances(kind: str, batch: Sequence[tuple[int, ImagePredictions]]) -> npt.NDArray[np.float64] | list[dict]:
    """Give predictions as hotcoco reads them; the area of a mask counts where there is no box."""
    if kind == 'segm':
        return [
            dict(image_id=number, category_id=label, score=score, segmentation=rle)
            for number, own in batch
            for label, score, rle in zip(
                own.labels.tolist(), _ranked(own.mask_scores).tolist(), own.rles(), strict=True
            )
        ]
    rows = [np.zeros((0, 7))]
    for number, own in batch:
        image = np.full(len(own), number)
        rows.append(np.column_stack([image, own.coco_boxes(), _ranked(own.scores), own.labels]))
    return np.concatenate(rows)


def _counted_by_lvis(kind: str, own: ImagePredictions) -> ImagePredictions:
    """Choose the best instances of an image, and of these the ones with pixels."""
    segm = kind == 'segm' and own.codes is not None
    best = np.argsort(-_ranked(own.mask_scores if segm else own.scores), kind='stable')[:LVIS_MAX_DETS]
    own = own.select(best)
    # One by one: of a list of more than 255, pycocotools 2.0.11 measures none beside NumPy 2.
    areas = list(map(coco_masks.area, own.rles())) if segm else own.coco_boxes()[:, 2:].prod(axis=1)
    return own.select(np.flatnonzero(np.asarray(areas) > 0))


def _ranked(scores: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Put scores that are not numbers last, as sorting does in pycocotools."""
    return np.nan_to_num(scores.astype(np.float64), nan=-np.inf, posinf=np.inf)


def _batches(counts: Sequence[int]) -> list[tuple[int, int]]:
    """Ranges of images with a bounded number of instances, or of one image."""
    batch = np.cumsum(counts) // _INSTANCES_AT_A_TIME
    edges = [0, *(np.flatnonzero(np.diff(batch)) + 1).tolist(), len(counts)]
    return [(first, last) for first, last in pairwise(edges) if first < last]


def _with_progress(kind: str, batches: Sequence[tuple[int, int]], total: int) -> Iterator[tuple[int, int]]:
    """Say in the log, now and then, how far it is."""
    said = time.monotonic()
    for first, last in batches:
        if time.monotonic() - said > _SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            print_log(f'{kind}: {first} of {total} images are evaluated', logger='current')
        yield first, last
