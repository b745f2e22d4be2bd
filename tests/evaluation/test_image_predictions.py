"""Masks of any form become the same run lengths."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmdet.structures.mask import BitmapMasks
from pycocotools import mask as coco_masks

from mmdet_panseg.evaluation import EvaluationError
from mmdet_panseg.evaluation.image_predictions import ImagePredictions
from mmdet_panseg.ops.rle import rle_counts
from mmdet_panseg.structures import BoxedMasks

SIZE = (21, 34)


def predictions(masks, count, **changes):
    boxes = torch.tensor([[1.0, 2.0, 4.5, 9.0]]).repeat(count, 1)
    instances = dict(bboxes=boxes, labels=torch.arange(count), scores=torch.rand(count), masks=masks, **changes)
    return ImagePredictions.of_sample(dict(img_id=4, ori_shape=SIZE, pred_instances=instances))


def encoded(masks):
    return [coco_masks.encode(np.asfortranarray(mask, np.uint8)) for mask in masks]


@pytest.mark.parametrize('count', [0, 1, 5])
@pytest.mark.parametrize(
    'form',
    [
        torch.from_numpy,
        lambda masks: torch.from_numpy(masks).byte(),
        lambda masks: torch.from_numpy(masks).float(),
        lambda masks: torch.from_numpy(masks.transpose(0, 2, 1).copy()).transpose(1, 2),
        BoxedMasks.from_bitmaps,
        lambda masks: BitmapMasks(masks.astype(np.uint8), *SIZE),
        encoded,
        lambda masks: [dict(rle, counts=rle['counts'].decode()) for rle in encoded(masks)],
        lambda masks: [dict(rle, counts=rle_counts(rle['counts']).tolist()) for rle in encoded(masks)],
    ],
)
def test_all_forms_of_masks(form, count):
    masks = np.random.default_rng(count).random((count, *SIZE)) < 0.4
    found = predictions(form(masks), count)
    assert found.codes == [rle['counts'] for rle in encoded(masks)]
    assert found.size == SIZE and len(found) == count
    assert found.rles() == encoded(masks)
    assert np.array_equal(found.coco_boxes(), [[1, 2, 3.5, 7]] * count or np.zeros((0, 4)))
    assert found.mask_scores is found.scores


def test_scores_of_masks_and_no_masks():
    found = predictions(torch.ones(1, *SIZE, dtype=torch.bool), 1, mask_scores=torch.tensor([0.25]))
    assert found.mask_scores == [0.25] and found.as_mmdet()['mask_scores'] == [0.25]
    instances = dict(bboxes=torch.ones(1, 4), labels=torch.zeros(1), scores=torch.ones(1))
    bare = ImagePredictions.of_sample(dict(img_id=4, ori_shape=SIZE, pred_instances=instances))
    assert bare.codes is None and bare.rles() == [] and 'masks' not in bare.as_mmdet()


def test_masks_of_an_unknown_form():
    with pytest.raises(EvaluationError, match="image 4: 'masks' .*list"):
        predictions([[[1, 1, 5, 1, 5, 5]]], 1)
