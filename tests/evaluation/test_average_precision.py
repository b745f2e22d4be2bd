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

from instance_cases import DEFAULT_THRS, SIZE, random_predictions, random_truth, read, referee
from mmdet_panseg.datasets.coco.instance_truth import InstanceTruth
from mmdet_panseg.evaluation import EvaluationError, average_precision
from mmdet_panseg.evaluation.average_precision import evaluate_coco
from mmdet_panseg.evaluation.image_predictions import ImagePredictions


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
        expected.summarize()
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
