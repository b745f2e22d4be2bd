from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdet.evaluation import SemSegMetric

from mmdet_panseg.ops import VOID_LABEL, confusion_matrix, semantic_quality


def random_labels(seed, shape, num_classes):
    """Labels of a ground truth with void and of a prediction that is right at half of the pixels."""
    rng = np.random.default_rng(seed)
    truth, other = rng.integers(0, num_classes, (2, *shape))
    predicted = np.where(rng.random(shape) < 0.5, truth, other)
    truth[rng.random(shape) < 0.2] = VOID_LABEL
    return truth.astype(np.uint8), predicted


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**20), st.integers(0, 20), st.integers(0, 20), st.integers(1, 8))
def test_counts_and_measures_follow_their_definitions(seed, height, width, num_classes):
    truth, predicted = random_labels(seed, (height, width), num_classes)
    matrix = confusion_matrix(truth, predicted, num_classes)
    for true_class in range(num_classes):
        for found_class in range(num_classes):
            assert matrix[true_class, found_class] == ((truth == true_class) & (predicted == found_class)).sum()
    quality = semantic_quality(matrix)
    valid = truth != VOID_LABEL
    for label in range(num_classes):
        ours, theirs = (truth == label) & valid, (predicted == label) & valid
        assert_share(quality.iou[label], (ours & theirs).sum(), (ours | theirs).sum())
        assert_share(quality.accuracy[label], (ours & theirs).sum(), ours.sum())
    assert_share(quality.pixel_accuracy, (truth == predicted)[valid].sum(), valid.sum())
    for mean, values in ((quality.mean_iou, quality.iou), (quality.mean_accuracy, quality.accuracy)):
        assert_share(mean, np.nansum(values), (~np.isnan(values)).sum())


def assert_share(found, part, whole):
    assert np.isnan(found) if whole == 0 else found == pytest.approx(part / whole, abs=1e-12)


def test_means_equal_those_of_mmdet():
    metric = SemSegMetric()
    metric.dataset_meta = dict(classes=tuple('abcdefg'))
    total = np.zeros((7, 7), np.int64)
    for seed in range(3):
        # the last class never occurs and the one before it is predicted only
        truth, predicted = random_labels(seed, (31, 45), 5)
        predicted[0, :9] = 5
        total += confusion_matrix(truth, predicted, 7)
        tensors = [torch.from_numpy(labels.astype(np.int64))[None] for labels in (truth, predicted)]
        metric.process(None, [dict(gt_sem_seg=dict(sem_seg=tensors[0]), pred_sem_seg=dict(sem_seg=tensors[1]))])
    expected = metric.compute_metrics(metric.results)
    quality = semantic_quality(total)
    assert round(100 * quality.mean_iou, 2) == expected['mIoU']
    assert round(100 * quality.mean_accuracy, 2) == expected['mAcc']


@pytest.mark.parametrize(('truth', 'predicted', 'name'), [(3, 0, 'ground truth'), (0, 3, 'predicted')])
def test_labels_that_do_not_fit_are_errors(truth, predicted, name):
    with pytest.raises(ValueError, match=f'{name} label 3, but with 3 classes'):
        confusion_matrix(np.full((2, 2), truth), np.full((2, 2), predicted), 3)
