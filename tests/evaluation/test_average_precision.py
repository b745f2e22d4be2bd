"""AP and AR to the last bit, with pycocotools as the referee."""

from __future__ import annotations

import contextlib
import io
import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.logging import MMLogger
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmdet_panseg.datasets.coco.instance_truth import ImageTruth, InstanceTruth
from mmdet_panseg.evaluation import EvaluationError, average_precision
from mmdet_panseg.evaluation.average_precision import evaluate_coco
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


def referee(kind, truth, category_ids, found, iou_thrs, max_dets):
    """What pycocotools computes; classes come out in the order of their ids."""
    entries = []
    for own in found:
        parts = zip(own.coco_boxes().tolist(), own.labels, own.scores, own.mask_scores, own.rles(), strict=True)
        for box, label, score, mask_score, rle in parts:
            shared = dict(image_id=own.image_id, category_id=category_ids[label])
            kept = dict(bbox=box, score=float(score))
            entries.append({**shared, **(kept if kind == 'bbox' else dict(segmentation=rle, score=float(mask_score)))})
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, truth.loadRes(entries), kind)
        evaluation.params.catIds, evaluation.params.iouThrs = list(category_ids), iou_thrs
        evaluation.params.maxDets = list(max_dets)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from(['bbox', 'segm']),
    category_ids=st.sampled_from([[1], [1, 2, 3], [7, 3, 90, 4]]),
    image_ids=st.sampled_from([[1], [5, 2, 11, 3], [10**7, 0, 4]]),
    iou_thrs=st.sampled_from([DEFAULT_THRS, np.array([0.5, 0.75]), np.array([0.05, 0.5, 0.999, 1.0])]),
    max_dets=st.sampled_from([(100, 300, 1000), (1, 2, 100), (5, 1, 3)]),
    at_a_time=st.sampled_from([1, 7, 10_000]),
)
def test_arrays_are_those_of_pycocotools(seed, kind, category_ids, image_ids, iou_thrs, max_dets, at_a_time):
    rng = np.random.default_rng(seed)
    truth = random_truth(rng, image_ids, category_ids, most=8)
    found = random_predictions(rng, truth, category_ids, most=6)
    if not any(map(len, found)):
        return
    expected = referee(kind, truth, category_ids, found, iou_thrs, max_dets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(average_precision, '_INSTANCES_AT_A_TIME', at_a_time)
        rng.shuffle(found)
        result = evaluate_coco(kind, read(truth, category_ids), found, iou_thrs, max_dets)
    order = np.argsort(category_ids)
    for name, axis in (('precision', 2), ('recall', 1)):
        assert np.array_equal(np.take(result.eval[name], order, axis), expected.eval[name]), name
    with contextlib.redirect_stdout(io.StringIO()):
        result.summarize()
    # The order of the classes changes the last bit of a mean.
    assert np.allclose(result.stats, expected.stats, rtol=0, atol=1e-12)


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_many_instances_and_ties_in_one_image(kind):
    rng = np.random.default_rng(1)
    truth = random_truth(rng, [3], [1, 2], most=400)
    assert len(truth.anns) > 100
    found = random_predictions(rng, truth, [1, 2], most=900)
    expected = referee(kind, truth, [1, 2], found, DEFAULT_THRS, (10, 50, 100))
    result = evaluate_coco(kind, read(truth, [1, 2]), found, DEFAULT_THRS, (10, 50, 100))
    assert np.array_equal(result.eval['precision'], expected.eval['precision'])
    assert expected.eval['precision'].max() > 0.05


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_scores_that_are_no_numbers_come_last(kind):
    rng = np.random.default_rng(2)
    truth = random_truth(rng, [1, 2], [1], most=9)
    found = random_predictions(rng, truth, [1], most=5)
    for own in found:
        own.scores[::3], own.mask_scores[::2] = np.nan, np.nan
        own.scores[1:2] = -np.inf
    expected = referee(kind, truth, [1], found, DEFAULT_THRS, (100, 300, 1000))
    result = evaluate_coco(kind, read(truth, [1]), found, DEFAULT_THRS, (100, 300, 1000))
    assert np.array_equal(result.eval['recall'], expected.eval['recall'])
    assert np.array_equal(result.eval['precision'], expected.eval['precision'])


def test_masks_of_another_size_match_nothing():
    rng = np.random.default_rng(3)
    truth = random_truth(rng, [1], [1], most=9)
    mask = torch.ones(1, SIZE[0], SIZE[1] + 1, dtype=torch.bool)
    instances = dict(bboxes=torch.ones(1, 4), labels=torch.zeros(1).long(), scores=torch.ones(1), masks=mask)
    found = [ImagePredictions.of_sample(dict(img_id=1, ori_shape=SIZE, pred_instances=instances))]
    expected = referee('segm', truth, [1], found, DEFAULT_THRS, (100, 300, 1000))
    result = evaluate_coco('segm', read(truth, [1]), found, DEFAULT_THRS, (100, 300, 1000))
    assert np.array_equal(result.eval['precision'], expected.eval['precision'])


def test_ids_of_images_may_be_texts():
    rng = np.random.default_rng(4)
    numbers = [12, 5, 9]
    truth = random_truth(rng, numbers, [1, 2], most=9)
    found = random_predictions(rng, truth, [1, 2], most=5)
    expected = evaluate_coco('segm', read(truth, [1, 2]), found, DEFAULT_THRS, (100, 300, 1000))
    # The order of the texts is that of the numbers.
    texts = {number: f'{number:03}.png' for number in numbers}
    own = read(truth, [1, 2])
    images = [replace(image, image_id=texts[image.image_id]) for image in own.images]
    renamed = [replace(own, image_id=texts[own.image_id]) for own in found]
    result = evaluate_coco('segm', InstanceTruth(images, own.categories), renamed, DEFAULT_THRS, (100, 300, 1000))
    assert np.array_equal(result.eval['precision'], expected.eval['precision'])


def test_predictions_of_other_images_or_without_masks():
    rng = np.random.default_rng(5)
    truth = random_truth(rng, [1], [1], most=9)
    boxes = dict(bboxes=torch.ones(1, 4), labels=torch.zeros(1).long(), scores=torch.ones(1))
    found, elsewhere = (
        ImagePredictions.of_sample(dict(img_id=k, ori_shape=SIZE, pred_instances=boxes)) for k in (1, 2)
    )
    evaluate_coco('bbox', read(truth, [1]), [found], DEFAULT_THRS, (100, 300, 1000))
    with pytest.raises(EvaluationError, match='image 2 was predicted, and is not among the 1 images'):
        evaluate_coco('bbox', read(truth, [1]), [found, elsewhere], DEFAULT_THRS, (100, 300, 1000))
    with pytest.raises(EvaluationError, match="metric 'segm': the predictions of image 1 have no masks"):
        evaluate_coco('segm', read(truth, [1]), [found], DEFAULT_THRS, (100, 300, 1000))


def test_long_work_says_how_far_it_is(monkeypatch, caplog):
    rng = np.random.default_rng(6)
    truth = random_truth(rng, [1, 2, 3], [1], most=9)
    found = random_predictions(rng, truth, [1], most=5)
    MMLogger.get_instance('progress').addHandler(caplog.handler)
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(average_precision, '_INSTANCES_AT_A_TIME', 1)
    evaluate_coco('bbox', read(truth, [1]), found, DEFAULT_THRS, (100, 300, 1000))
    assert 'images are evaluated' not in caplog.text
    monkeypatch.setattr(average_precision, '_SECONDS_BETWEEN_LINES', 0)
    evaluate_coco('bbox', read(truth, [1]), found, DEFAULT_THRS, (100, 300, 1000))
    assert 'bbox: 2 of 3 images are evaluated' in caplog.text
