"""Loading of instances in their boxes beside mmdet's loading of whole bitmaps."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from pycocotools import mask as coco_masks

from mmdet_panseg.datasets import DatasetError, LoadBoxedAnnotations

SIZE = (60, 80)


def annotation(rng: np.random.Generator) -> list | dict:
    """Polygons, run lengths of three kinds, or what no mask can be made of."""
    kind = rng.integers(6)
    if kind < 2:
        count = rng.integers(1, 3)
        return [(rng.random(2 * rng.integers(3, 8)) * 100 - 10).round(int(kind)).tolist() for _ in range(count)]
    if kind == 2:
        return [[[]], [[1.0, 2.0]], [[1.0, 2.0, 3.0, 4.0, 5.0]]][rng.integers(3)]
    mask = np.zeros(SIZE, np.uint8, order='F')
    y, x = sorted(rng.integers(0, 61, 2)), sorted(rng.integers(0, 81, 2))
    mask[slice(*y), slice(*x)] = rng.random((y[1] - y[0], x[1] - x[0])) < 0.7
    code = coco_masks.encode(mask)
    if kind == 3:
        return dict(size=list(SIZE), counts=code['counts'].decode())
    if kind == 5:
        return dict(size=list(SIZE))
    flat = mask.ravel(order='F')
    edges = np.flatnonzero(np.diff(flat, prepend=0)).tolist()
    return dict(size=list(SIZE), counts=np.diff([0, *edges, flat.size]).tolist())


def sample(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    masks = [annotation(rng) for _ in range(rng.integers(0, 6))]
    instances = [
        dict(bbox=[1.0, 2.0, 30.0, 40.0], bbox_label=int(rng.integers(3)), ignore_flag=int(rng.integers(2)), mask=mask)
        for mask in masks
    ]
    return dict(
        img=np.zeros((*SIZE, 3), np.uint8), img_path='a.jpg', ori_shape=SIZE, img_shape=SIZE, instances=instances
    )


def both(seed: int, transforms: list[dict]) -> list[dict]:
    """What two pipelines, which differ in their loading, make of a sample."""
    results = []
    for load in (dict(type='LoadAnnotations', with_bbox=True, with_mask=True), dict(type='LoadBoxedAnnotations')):
        own = copy.deepcopy(sample(seed))
        for step in [load, *transforms]:
            np.random.seed(seed)
            own = own if own is None else build(step)(own)
        results.append(own)
    return results


def build(step: dict) -> BaseTransform:
    return TRANSFORMS.build(step)


def require_equal(wanted: dict | None, found: dict | None) -> None:
    assert (wanted is None) == (found is None)
    if wanted is None:
        return
    for key in ('gt_bboxes_labels', 'gt_ignore_flags'):
        np.testing.assert_array_equal(found[key], wanted[key])
    np.testing.assert_array_equal(found['gt_bboxes'].tensor, wanted['gt_bboxes'].tensor)
    np.testing.assert_array_equal(found['gt_masks'].to_ndarray(), wanted['gt_masks'].to_ndarray())
    sizes = [(masks.height, masks.width) for masks in (found['gt_masks'], wanted['gt_masks'])]
    assert sizes[0] == sizes[1]


@given(st.integers(0, 2**32 - 1))
def test_loading(seed: int) -> None:
    require_equal(*both(seed, []))


PIPELINES = dict(
    resize=[dict(type='Resize', scale=(133, 97), keep_ratio=True)],
    stretched=[dict(type='Resize', scale=(50, 97), keep_ratio=False)],
    flip=[dict(type='RandomFlip', prob=1.0, direction='diagonal')],
    pad=[dict(type='Pad', size_divisor=32)],
    crop=[dict(type='RandomCrop', crop_size=(30, 40), recompute_bbox=True, allow_negative_crop=True)],
    expand=[dict(type='Expand')],
    min_iou_crop=[dict(type='MinIoURandomCrop')],
    rotate=[dict(type='Rotate', prob=1.0)],
    shear=[dict(type='ShearX', prob=1.0)],
    translate=[dict(type='TranslateY', prob=1.0)],
    erasing=[dict(type='RandomErasing', n_patches=3, ratio=0.3)],
    chain=[
        dict(type='RandomResize', scale=(120, 90), ratio_range=(0.5, 2.0), resize_type='mmdet.Resize', keep_ratio=True),
        dict(type='RandomCrop', crop_size=(48, 64), recompute_bbox=True, allow_negative_crop=True),
        dict(type='RandomFlip', prob=0.5),
        dict(type='Pad', size=(64, 64)),
    ],
)


@pytest.mark.parametrize('name', PIPELINES)
@pytest.mark.parametrize('seed', range(12))
def test_transforms_of_mmdet(name: str, seed: int) -> None:
    require_equal(*both(seed, PIPELINES[name]))


@pytest.mark.parametrize('seed', range(12))
def test_targets(seed: int) -> None:
    wanted, found = both(seed, [dict(type='Resize', scale=(70, 90), keep_ratio=True), dict(type='FixClassGT')])
    require_equal(wanted, found)
    for key in ('gt_areas', 'gt_centers'):
        np.testing.assert_array_equal(found[key], wanted[key])
    for stride, targets in wanted['gt_mask_targets'].items():
        np.testing.assert_array_equal(found['gt_mask_targets'][stride], targets)


def test_copy_paste_of_mmdet() -> None:
    results = []
    for load in ('LoadAnnotations', 'LoadBoxedAnnotations'):
        np.random.seed(0)
        load = build(dict(type=load, with_bbox=True, with_mask=True))
        one, other = load(sample(3)), load(sample(8))
        results.append(build(dict(type='CopyPaste'))({**one, 'mix_results': [other]}))
    require_equal(*results)


def test_mask_of_another_size_is_named() -> None:
    mask = dict(size=[4, 5], counts='05D')
    instance = dict(bbox=[0, 0, 1, 1], bbox_label=0, ignore_flag=0, mask=mask)
    with pytest.raises(DatasetError, match=r"'a\.jpg'.*'size' is \[4, 5\].*are \[60, 80\]"):
        LoadBoxedAnnotations()({**sample(0), 'instances': [instance]})


def test_outlines_are_refused() -> None:
    with pytest.raises(ValueError, match='fills polygons'):
        LoadBoxedAnnotations(poly2mask=False)
