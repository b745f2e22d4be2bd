"""Ground truth after augmentation, and the same losses whether workers or the head make the targets."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from mmdet.registry import TRANSFORMS
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks

import mmdet_panseg  # noqa: F401
from mmdet_panseg.datasets import DatasetError
from solo_cases import pair_of_heads, pyramid, random_masks


def results_of(masks, ignored=None, boxes=None):
    """What LoadAnnotations leaves in a sample."""
    count, height, width = masks.shape
    if boxes is None:
        boxes = torch.zeros(count, 4)
    return dict(
        img=np.zeros((height, width, 3), np.uint8),
        img_id=1,
        img_path='none',
        img_shape=(height, width),
        ori_shape=(height, width),
        gt_masks=BitmapMasks(masks, height, width),
        gt_bboxes=HorizontalBoxes(boxes),
        gt_bboxes_labels=np.arange(count, dtype=np.int64) % 4,
        gt_ignore_flags=np.zeros(count, bool) if ignored is None else ignored,
    )


def fix(results, **settings):
    return TRANSFORMS.build(dict(type='FixClassGT', **settings))(results)


def test_measures_are_those_of_the_mask_as_it_is_now():
    masks = np.zeros((1, 50, 70), np.uint8)
    masks[0, 10:20, 30:50] = 1
    masks[0, 10:15, 30:40] = 0
    results = fix(results_of(masks, boxes=torch.tensor([[0.0, 0.0, 70.0, 50.0]])))
    rows, columns = np.nonzero(masks[0])
    assert results['gt_bboxes'].tensor.tolist() == [[30, 10, 50, 20]]
    assert results['gt_areas'].tolist() == [150]
    np.testing.assert_allclose(results['gt_centers'], [[columns.mean(), rows.mean()]], rtol=1e-6)


def test_vanished_objects_are_dropped_everywhere():
    masks = np.zeros((3, 40, 40), np.uint8)
    masks[0, 5, 5] = 1
    masks[2, 10:20, 10:20] = 1
    results = fix(results_of(masks), min_pixels=2)
    for key in ('gt_masks', 'gt_bboxes', 'gt_bboxes_labels', 'gt_ignore_flags', 'gt_areas', 'gt_centers'):
        assert len(results[key]) == 1, key
    assert all(len(targets) == 1 for targets in results['gt_mask_targets'].values())
    assert results['gt_bboxes_labels'].tolist() == [2]


@pytest.mark.parametrize('count', [0, 3])
def test_no_object_is_left(count):
    results = fix(results_of(np.zeros((count, 33, 47), np.uint8)))
    assert len(results['gt_masks']) == 0 and results['gt_bboxes'].tensor.shape == (0, 4)
    assert {stride: targets.shape for stride, targets in results['gt_mask_targets'].items()} == {
        4: (0, 16, 16),
        8: (0, 8, 8),
        16: (0, 4, 4),
    }


def test_crowds_stay_out_of_the_targets_but_are_packed():
    masks = random_masks(np.random.default_rng(0), 3, 64, 64)
    results = fix(results_of(masks, ignored=np.array([False, True, False])))
    sample = TRANSFORMS.build(dict(type='PackPanopticInputs'))(results)['data_samples']
    assert len(sample.gt_instances) == 2 and len(sample.ignored_instances) == 1
    assert sample.gt_instances.labels.tolist() == [0, 2]
    assert sample.gt_instances.mask_targets_8.shape == (2, 8, 8)
    assert 'masks' not in sample.gt_instances


def test_far_fewer_bytes_are_packed():
    masks = random_masks(np.random.default_rng(0), 20, 256, 320)
    packed = {}
    for keep in (True, False):
        pack = TRANSFORMS.build(dict(type='PackPanopticInputs', keep_masks=keep))
        instances = pack(fix(results_of(masks)))['data_samples'].gt_instances
        packed[keep] = len(pickle.dumps(instances))
    assert packed[False] < packed[True] / 4 < 20 * 256 * 320 / 16


@pytest.mark.parametrize('size', [(64, 96), (50, 70), (97, 61)])
@pytest.mark.parametrize('count', [0, 1, 6])
def test_losses_are_the_same_with_targets_from_workers_and_from_the_head(size, count):
    """The transform against full masks that the head shrinks itself."""
    _, head = pair_of_heads(torch.float64)
    masks = random_masks(np.random.default_rng(count), count, *size)
    padded = tuple(-(-side // 32) * 32 for side in size)
    losses = []
    for strides, pack in (((4, 8, 16), 'PackPanopticInputs'), (None, 'PackDetInputs')):
        results = fix(results_of(masks), strides=strides)
        sample = TRANSFORMS.build(dict(type=pack))(results)['data_samples']
        sample.set_metainfo(dict(batch_input_shape=padded))
        sample.gt_instances.bboxes = sample.gt_instances.bboxes.tensor
        torch.manual_seed(1)
        losses.append(head.loss(pyramid(1, *padded, dtype=torch.float64), [sample]))
    assert losses[0] == losses[1]


def test_boxes_of_the_annotation_stay_if_asked_for():
    masks = random_masks(np.random.default_rng(0), 2, 64, 64)
    boxes = torch.tensor([[0.0, 1.0, 20.0, 30.0], [4.0, 4.0, 9.0, 9.0]])
    results = fix(results_of(masks, boxes=boxes), boxes='annotation')
    assert torch.equal(results['gt_bboxes'].tensor, boxes)


def test_a_stride_that_the_head_lacks_is_named():
    _, head = pair_of_heads()
    results = fix(results_of(random_masks(np.random.default_rng(0), 3, 64, 64)), strides=(4,))
    sample = TRANSFORMS.build(dict(type='PackPanopticInputs'))(results)['data_samples']
    sample.set_metainfo(dict(batch_input_shape=(64, 64)))
    sample.gt_instances.bboxes = torch.tensor([[0.0, 0.0, 64.0, 64.0]]).repeat(3, 1)
    with pytest.raises(KeyError, match=r'stride 8.*\[4\].*FixClassGT'):
        head.loss(pyramid(1, 64, 64), [sample])


@pytest.mark.parametrize(
    ('settings', 'message'),
    [(dict(boxes='none'), "'none'"), (dict(min_pixels=0), 'min_pixels'), (dict(strides=(5,)), 'size_divisor')],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        TRANSFORMS.build(dict(type='FixClassGT', **settings))


def test_masks_that_were_not_loaded_are_named():
    results = results_of(np.zeros((1, 8, 8), np.uint8))
    del results['gt_masks']
    with pytest.raises(KeyError, match='with_mask=True'):
        fix(results)


def test_annotations_that_were_loaded_after_resize_are_named():
    results = results_of(np.ones((1, 8, 9), np.uint8))
    with pytest.raises(
        DatasetError, match=r'masks have height and width \(8, 9\), the image \(16, 18\); put .* before'
    ):
        fix({**results, 'img_shape': (16, 18)})
    results = results_of(np.ones((1, 8, 9), np.uint8))
    with pytest.raises(DatasetError, match=r'the semantic map have height and width \(4, 9\), the image \(8, 9\)'):
        fix({**results, 'img_shape': (8, 9), 'gt_seg_map': np.zeros((4, 9), np.uint8)})


def test_padding_that_differs_from_the_preprocessors_is_named():
    _, head = pair_of_heads()
    results = fix(results_of(random_masks(np.random.default_rng(0), 2, 70, 70)), size_divisor=128)
    sample = TRANSFORMS.build(dict(type='PackPanopticInputs'))(results)['data_samples']
    sample.set_metainfo(dict(batch_input_shape=(96, 96)))
    sample.gt_instances.bboxes = torch.tensor([[0.0, 0.0, 20.0, 20.0]]).repeat(2, 1)
    with pytest.raises(ValueError, match='size_divisor'):
        head.loss(pyramid(1, 96, 96), [sample])
