"""Masks that a transform before FixClassGT left where they were."""

from __future__ import annotations

import numpy as np
import pytest
from mmcv.transforms import Compose
from mmdet.datasets import MultiImageMixDataset
from mmdet.datasets.transforms import LoadAnnotations, RandomCrop, RandomFlip, RandomShift, Resize

from mmdet_panseg.datasets import CheckedCocoDataset, DatasetError, FixClassGT, LoadCheckedImage

LOAD = [LoadCheckedImage(), LoadAnnotations(with_bbox=True, with_mask=True)]


@pytest.fixture
def annotated(coco_folder):
    """Three images with apples and pears; the boxes are those of the polygons."""
    return CheckedCocoDataset(pipeline=[], **coco_folder.arguments())


def run(dataset, *transforms, index=0):
    return Compose([*LOAD, *transforms, FixClassGT()])(dataset.get_data_info(index))


def test_transforms_that_take_masks_along(annotated):
    for transforms in ([], [RandomFlip(prob=1.0)], [Resize(scale=(80, 80), keep_ratio=True)]):
        assert len(run(annotated, *transforms)['gt_bboxes_labels']) == 2
    np.random.seed(0)
    for _ in range(20):
        Compose([*LOAD, RandomCrop(crop_size=(12, 12)), FixClassGT()])(annotated.get_data_info(0))


def test_shifted_boxes(annotated):
    with pytest.raises(DatasetError, match=r'RandomShift.*photo1\.jpg. has boxes of the size of its masks in other pl'):
        for seed in range(20):
            np.random.seed(seed)
            run(annotated, RandomShift(prob=1.0, max_shift_px=8))


@pytest.mark.parametrize('kind', ['Mosaic', 'MixUp'])
def test_mixed_boxes(annotated, coco_folder, kind):
    inner = CheckedCocoDataset(pipeline=LOAD, **coco_folder.arguments())
    dataset = MultiImageMixDataset(inner, [dict(type=kind, img_scale=(40, 40)), dict(type='FixClassGT')])
    with pytest.raises(DatasetError, match=f'{kind}.* boxes and 2 masks'):
        for _ in range(20):
            dataset[0]


@pytest.mark.parametrize('change', [dict(bbox=[1.0, 1.0, 24.0, 20.0]), dict(bbox=[6.0, 5.0, 8.0, 9.0])])
def test_loose_and_sloppy_boxes(coco_folder, change):
    for annotation in coco_folder.content['annotations']:
        annotation.update(change)
    run(CheckedCocoDataset(pipeline=[], **coco_folder.arguments()))


def test_one_wrong_box_among_right_ones(coco_folder):
    coco_folder.content['annotations'][0]['bbox'] = [20.0, 10.0, 10.0, 10.0]
    run(CheckedCocoDataset(pipeline=[], **coco_folder.arguments()))


def test_no_objects(annotated):
    assert len(run(annotated, index=2)['gt_bboxes_labels']) == 0


@pytest.mark.parametrize('off', [1.0, -1.0])
def test_boxes_that_are_a_pixel_off_in_a_small_image_that_is_enlarged(coco_folder, off):
    for annotation in coco_folder.content['annotations']:
        x, y, width, height = annotation['bbox']
        annotation['bbox'] = [x + off, y + off, width, height]
    dataset = CheckedCocoDataset(pipeline=[], **coco_folder.arguments())
    assert len(run(dataset, Resize(scale=(640, 640), keep_ratio=True))['gt_bboxes_labels']) == 2


def test_boxes_that_are_elsewhere_in_the_file(coco_folder):
    for annotation in coco_folder.content['annotations']:
        x, y, width, height = annotation['bbox']
        annotation['bbox'] = [x + width / 2, y + height / 2, width, height]
    run(CheckedCocoDataset(pipeline=[], **coco_folder.arguments()))
