from __future__ import annotations

import cv2
import numpy as np
import pytest
from mmengine.evaluator import Evaluator

from metric_cases import METAINFO, NUM_CLASSES, empty_sample, pixel_data, random_samples
from mmdet_panseg.evaluation import EvaluationError, SemanticIoUMetric  # noqa: E402
from mmdet_panseg.evaluation.confusion_matrix_picture import draw_confusion_matrix  # noqa: E402
from mmdet_panseg.ops import confusion_matrix, semantic_quality  # noqa: E402


def evaluate(samples, metainfo=METAINFO, **options):
    evaluator = Evaluator([SemanticIoUMetric(**options)])
    evaluator.dataset_meta = metainfo
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))


def test_values_are_those_of_the_op(tmp_path):
    samples = random_samples(4, height=20, width=33)
    matrix = sum(
        confusion_matrix(sample.gt_sem_seg.sem_seg[0].numpy(), sample.pred_sem_seg.sem_seg[0].numpy(), NUM_CLASSES)
        for sample in samples
    )
    quality = semantic_quality(matrix)
    assert 0.2 < quality.mean_iou < 0.9
    metrics = evaluate(samples)
    assert metrics == {
        'semantic/mIoU': quality.mean_iou,
        'semantic/mAcc': quality.mean_accuracy,
        'semantic/aAcc': quality.pixel_accuracy,
    }
    picture = tmp_path / 'new' / 'matrix.png'
    classwise = evaluate(samples, classwise=True, confusion_matrix=str(picture))
    assert classwise.items() > metrics.items() and len(classwise) == 3 + 2 * NUM_CLASSES
    assert [classwise[f'semantic/{name}_IoU'] for name in METAINFO['classes']] == quality.iou.tolist()
    assert [classwise[f'semantic/{name}_Acc'] for name in METAINFO['classes']] == quality.accuracy.tolist()
    assert cv2.imread(str(picture)).std() > 0


def test_nothing_to_count_is_nan():
    assert np.isnan(list(evaluate([empty_sample()]).values())).all()


@pytest.mark.parametrize(
    ('key', 'remedy'),
    [('gt_sem_seg', 'LoadAnnotations.*before PackPanopticInputs'), ('pred_sem_seg', 'give the model a semantic_head')],
)
def test_absent_maps_are_named(key, remedy):
    sample = random_samples(1)[0]
    delattr(sample, key)
    with pytest.raises(EvaluationError, match=f'images/0.jpg: the data sample has no {key}.*{remedy}'):
        evaluate([sample])


@pytest.mark.parametrize('key', ['gt_sem_seg', 'pred_sem_seg'])
def test_labels_that_the_data_set_does_not_have(key):
    sample = random_samples(1)[0]
    setattr(sample, key, pixel_data(np.full((12, 17), NUM_CLASSES)))
    with pytest.raises(
        EvaluationError, match=f'images/0.jpg: .* label {NUM_CLASSES}, but with 5 classes.*semantic head'
    ):
        evaluate([sample])


def test_pictures_grow_with_the_number_of_classes(tmp_path):
    """Every one of 133 names has at least 15 pixels, and the diagonal is darker than the rest."""
    sizes = {}
    for number in (1, 20, 133):
        names = [f'class-{label}-merged' for label in range(number)]
        draw_confusion_matrix(np.eye(number, dtype=np.int64) * 9, names, tmp_path / f'{number}.png')
        sizes[number] = min(cv2.imread(str(tmp_path / f'{number}.png')).shape[:2])
    assert sizes[133] > 133 * 15 > sizes[20] > sizes[1] > 300
