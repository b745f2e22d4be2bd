"""Instances, classes and ids stay consistent through mmdet's augmentation, from files to packed samples and back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmdet.datasets.transforms import Pad, RandomCrop, RandomFlip, Resize

from mmdet_panseg.datasets import (
    CheckedCocoPanopticDataset,
    FixClassGT,
    LoadCheckedImage,
    LoadPanopticSegments,
    PackPanopticInputs,
    SplitStuffIslands,
)
from mmdet_panseg.datasets.scenes import THING_CLASSES, make_scenes
from mmdet_panseg.ops import VOID_LABEL, SegmentTable, rgb_from_ids, segment_rows

NUM_THINGS = 3


def random_sample(rng: np.random.Generator, height: int, width: int, count: int) -> dict:
    """A sample with things, crowds, stuff and void in blocks of 6 pixels."""
    values = np.append(segment_rows(count), [255, 255]).astype(np.uint16)
    coarse = rng.choice(values, (-(-height // 6), -(-width // 6)))
    labels = rng.integers(0, 7, count)
    crowd = (labels < NUM_THINGS) & (rng.random(count) < 0.2)
    segment_map = np.kron(coarse, np.ones((6, 6), np.uint16))[:height, :width]
    return dict(
        img=rng.integers(0, 255, (height, width, 3), dtype=np.uint8),
        img_id=1,
        img_shape=(height, width),
        ori_shape=(height, width),
        gt_seg_map=segment_map,
        gt_segments=SegmentTable.from_segments(1000 + np.arange(count), labels, labels < NUM_THINGS, crowd),
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(20, 90),
    st.integers(20, 90),
    st.sampled_from([0, 1, 12, 300]),
    st.floats(0.4, 2.2),
    st.integers(0, 2**20),
)
def test_augmentation_keeps_the_three_consistent(height, width, count, scale, seed):
    np.random.seed(seed % 2**31)
    results = random_sample(np.random.default_rng(seed), height, width, count)
    before = results['gt_segments']
    for transform in (
        Resize(scale_factor=scale, keep_ratio=bool(seed % 2)),
        RandomFlip(prob=[0.3, 0.3, 0.3], direction=['horizontal', 'vertical', 'diagonal']),
        RandomCrop(crop_size=(0.8, 0.6), crop_type='relative'),
        Pad(size_divisor=32),
    ):
        results = transform(results)
    augmented = results['gt_seg_map']
    height, width = results['img_shape']
    assert results['img'].shape[:2] == augmented.shape and augmented.dtype == np.uint16
    assert results['gt_segments'] is before

    fixed = FixClassGT(strides=None)(dict(results))
    semantic, masks = fixed['gt_seg_map'], fixed['gt_masks'].masks.astype(bool)
    assert 'gt_segments' not in fixed and semantic.dtype == np.uint8
    np.testing.assert_array_equal(semantic, before.labels[augmented])
    np.testing.assert_array_equal(semantic == VOID_LABEL, before.ids[augmented] == 0)
    assert masks.sum(0, dtype=int).max(initial=0) <= 1, 'masks do not overlap'
    for label in range(NUM_THINGS):
        union = masks[fixed['gt_bboxes_labels'] == label].any(0)
        np.testing.assert_array_equal(union, semantic == label)
    for mask, label, ignored in zip(masks, fixed['gt_bboxes_labels'], fixed['gt_ignore_flags'], strict=True):
        (row,) = np.unique(augmented[mask])
        assert before.labels[row] == label and before.is_crowd[row] == ignored
        assert mask.sum() == (augmented == row).sum()


def test_padding_is_void():
    results = random_sample(np.random.default_rng(0), 40, 50, 400)
    padded = FixClassGT()(Pad(size_divisor=32)(results))['gt_seg_map']
    assert padded.shape == (64, 64)
    assert set(np.unique(padded[40:])) == set(np.unique(padded[:, 50:])) == {VOID_LABEL}


def test_objects_that_vanish_stay_in_the_semantic_map():
    results = random_sample(np.random.default_rng(0), 24, 24, 0)
    results['gt_seg_map'][:] = 1
    results['gt_seg_map'][3, 3:6] = 0
    results['gt_segments'] = SegmentTable.from_segments([7, 8], [1, 5], [1, 0], [0, 0])
    assert len(FixClassGT(min_pixels=3)(dict(results))['gt_masks']) == 1
    fixed = FixClassGT(min_pixels=4)(dict(results))
    assert len(fixed['gt_masks']) == len(fixed['gt_bboxes']) == len(fixed['gt_areas']) == 0
    assert (fixed['gt_seg_map'] == 1).sum() == 3
    assert fixed['gt_mask_targets'][4].shape == (0, 8, 8)


def test_annotated_boxes_do_not_exist():
    with pytest.raises(ValueError, match="no annotated boxes; use 'mask'"):
        FixClassGT(boxes='annotation')(random_sample(np.random.default_rng(0), 20, 20, 3))


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    root = tmp_path_factory.mktemp('data') / 'scenes'
    make_scenes(root, num_train=4, num_val=2, size=(96, 80), progress=False)

    def build(split, **changes):
        return CheckedCocoPanopticDataset(
            data_root=str(root),
            ann_file=f'annotations/panoptic_{split}.json',
            data_prefix={'img': f'images/{split}/', 'seg': f'annotations/panoptic_{split}/'},
            **changes,
        )

    return build


def test_packed_for_training(scenes):
    pipeline = [
        LoadCheckedImage(),
        LoadPanopticSegments(),
        Resize(scale=(120, 120), keep_ratio=True),
        RandomFlip(prob=0.5),
        FixClassGT(),
        PackPanopticInputs(),
    ]
    counts = []
    for item in scenes('train', pipeline=pipeline):
        sample = item['data_samples']
        assert 'gt_panoptic_seg' not in sample
        semantic = sample.gt_sem_seg.sem_seg
        assert semantic.shape == (1, *item['inputs'].shape[1:]) and semantic.dtype == torch.uint8
        instances = sample.gt_instances
        things = semantic < len(THING_CLASSES)
        counts.append(len(instances))
        assert (instances.labels < len(THING_CLASSES)).all()
        assert instances.areas.sum() <= things.sum()
        assert {'bboxes', 'labels', 'areas', 'centers', 'mask_targets_8'} <= set(instances.keys())
        if not len(sample.ignored_instances):
            assert instances.areas.sum() == things.sum()
    assert len(counts) == 4 and max(counts) > 1


def test_packed_for_testing(scenes):
    pipeline = [
        LoadCheckedImage(),
        Resize(scale=(120, 120), keep_ratio=True),
        LoadPanopticSegments(),
        PackPanopticInputs(),
    ]
    dataset = scenes('val', pipeline=pipeline, test_mode=True)
    for item in dataset:
        sample = item['data_samples']
        assert item['inputs'].shape[1:] == (100, 120)
        rows, table = sample.gt_panoptic_seg.sem_seg, sample.gt_panoptic_seg.segments
        assert rows.shape == sample.gt_sem_seg.sem_seg.shape == (1, 80, 96)
        assert rows.dtype == torch.int32 and isinstance(table, SegmentTable)
        np.testing.assert_array_equal(sample.gt_sem_seg.sem_seg, table.semantic_map(rows.numpy()))
        assert 'segments' in sample.gt_panoptic_seg.metainfo_keys()
        assert len(sample.gt_instances) == 0


def test_rows_beyond_int16_survive_packing():
    table = SegmentTable.from_segments(np.arange(65_535) + 1, np.zeros(65_535), np.ones(65_535), np.zeros(65_535))
    results = dict(gt_seg_map=np.array([[65_535, 40_000]], np.uint16), gt_segments=table)
    assert PackPanopticInputs()(results)['data_samples'].gt_panoptic_seg.sem_seg.tolist() == [[[65_535, 40_000]]]


@pytest.mark.parametrize('min_area', [1, 100])
def test_real_samples_go_back_to_png_unchanged(real_data, min_area):
    """Loading, islands, islands merged again by their id, and the file's colours."""
    root = real_data('coco_panoptic_samples')
    dataset = CheckedCocoPanopticDataset(
        data_root=str(root),
        ann_file='annotations/panoptic_val.json',
        data_prefix={'img': 'images/', 'seg': 'panoptic_val/'},
        pipeline=[LoadCheckedImage(), LoadPanopticSegments(), SplitStuffIslands(min_area=min_area)],
    )
    for results in dataset:
        table, segment_map = results['gt_segments'], results['gt_seg_map']
        assert len(table.rows) > len(results['segments_info']), 'there are islands'
        file = cv2.imread(results['seg_map_path'], cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(rgb_from_ids(table.ids[segment_map]), file[..., ::-1])
        kinds = {segment['id']: segment['category'] for segment in results['segments_info']}
        for row in table.rows:
            assert kinds[int(table.ids[row])] == table.labels[row]
