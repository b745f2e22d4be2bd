"""One wrong value in an annotation file: refused by name, reported, or without influence, and never a traceback."""

from __future__ import annotations

import copy
import json
import math

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

from mmdet_panseg.datasets import CheckedCocoDataset
from mmdet_panseg.errors import UserError
from mmdet_panseg.evaluation import CheckedCocoMetric

SIZE = 48
SQUARES = ((26, 24, 14, 18), (4, 6, 20, 16))
NOTHING = object()
VALUES = {
    'missing': NOTHING,
    'null': None,
    'text': 'x',
    'empty-text': '',
    'negative': -1,
    'zero': 0,
    'fraction': 2.5,
    'huge': 10**12,
    'NaN': math.nan,
    'infinite': math.inf,
    'true': True,
    'list': [],
    'nested-list': [[]],
    'dict': {},
}
KEYS = {
    'images': ('id', 'file_name', 'height', 'width'),
    'annotations': ('id', 'image_id', 'category_id', 'bbox', 'area', 'segmentation', 'iscrowd'),
    'categories': ('id', 'name'),
}
SHAPES = {
    'bbox': {
        'three-numbers': [4, 6, 20],
        'five-numbers': [4, 6, 20, 16, 1],
        'text-inside': [4, 6, 'x', 16],
        'null-inside': [4, None, 20, 16],
        'NaN-inside': [4, math.nan, 20, 16],
        'negative-width': [4, 6, -20, 16],
        'zero-height': [4, 6, 20, 0],
        'outside': [400, 600, 20, 16],
        'far': [4, 6, 1e11, 16],
        'corners': [26, 24, 40, 42],
    },
    'segmentation': {
        'two-points': [[4, 6, 24, 22]],
        'odd': [[4, 6, 24, 6, 24, 22, 4]],
        'flat-list': [4, 6, 24, 6, 24, 22, 4, 22],
        'NaN-inside': [[4, 6, 24, 6, math.nan, 22, 4, 22]],
        'text-inside': [[4, 6, 24, 'x', 24, 22, 4, 22]],
        'null-inside': [[4, 6, None, 6, 24, 22, 4, 22]],
        'far': [[4, 6, 1e11, 6, 1e11, 22, 4, 22]],
        'outside': [[400, 600, 424, 600, 424, 622, 400, 622]],
        'line': [[4, 6, 24, 6, 14, 6, 4, 6]],
        'RLE-of-another-size': dict(size=[10, 10], counts=[100]),
        'RLE-too-short': dict(size=[SIZE, SIZE], counts=[5, 5]),
        'RLE-too-long': dict(size=[SIZE, SIZE], counts=[10**6, 5]),
        'RLE-negative': dict(size=[SIZE, SIZE], counts=[-5, 10]),
        'RLE-broken-text': dict(size=[SIZE, SIZE], counts='\u00ff\u00fe'),
        'RLE-without-size': dict(counts=[0, SIZE * SIZE]),
        'RLE-without-counts': dict(size=[SIZE, SIZE]),
        'RLE-size-of-text': dict(size=['x', SIZE], counts=[5, 5]),
        'RLE-of-no-pixels': dict(size=[SIZE, SIZE], counts=[SIZE * SIZE]),
        'empty-and-good': [[], [4, 6, 24, 6, 24, 22, 4, 22]],
    },
}
FAULTS = [
    *((place, key, value) for place, keys in KEYS.items() for key in keys for value in VALUES),
    *(('annotations', key, value) for key, values in SHAPES.items() for value in values),
]


def clean():
    annotations = [
        dict(
            id=1 + 2 * image + number,
            image_id=image,
            category_id=(7, 3)[number],
            bbox=[x, y, width, height],
            area=width * height,
            iscrowd=0,
            segmentation=[[x, y, x + width, y, x + width, y + height, x, y + height]],
        )
        for image in (1, 2, 3)
        for number, (x, y, width, height) in enumerate(SQUARES)
    ]
    images = [dict(id=number, file_name=f'{number}.png', height=SIZE, width=SIZE) for number in (1, 2, 3)]
    return dict(images=images, annotations=annotations, categories=[dict(id=7, name='apple'), dict(id=3, name='pear')])


def planted(place, key, name):
    content = clean()
    entry = content[place][0]
    value = SHAPES.get(key, {}).get(name, VALUES.get(name))
    if value is NOTHING:
        del entry[key]
    else:
        entry[key] = copy.deepcopy(value)
    return content


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    init_default_scope('mmdet')
    folder = tmp_path_factory.mktemp('faults')
    for image in clean()['images']:
        cv2.imwrite(str(folder / image['file_name']), np.full((SIZE, SIZE, 3), 90, np.uint8))
    return folder


@pytest.fixture(scope='module')
def expected(folder):
    return objects(load(folder, clean()))


def load(folder, content, **settings):
    (folder / 'objects.json').write_text(json.dumps(content))
    pipeline = [
        dict(type='LoadCheckedImage'),
        dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
        dict(type='FixClassGT', strides=(4,)),
    ]
    data = dict(ann_file='objects.json', data_root=str(folder), data_prefix=dict(img=''), **settings)
    # Packing the records collects garbage, which takes longer than all checks.
    return CheckedCocoDataset(**data, pipeline=pipeline, serialize_data=False)


def objects(dataset):
    """Everything that is learnt from each image file."""
    found = {}
    for index in range(len(dataset)):
        sample = dataset[index]
        learnt = [sample['gt_bboxes_labels'], sample['gt_bboxes'].tensor.numpy(), sample['gt_masks'].masks]
        found[sample['img_path'].rpartition('/')[2]] = [part.tolist() for part in learnt]
    return found


@pytest.mark.parametrize(('place', 'key', 'name'), FAULTS, ids=['-'.join(fault) for fault in FAULTS])
def test_training(folder, expected, place, key, name):
    try:
        dataset = load(folder, planted(place, key, name))
        found = objects(dataset)
    except UserError as error:
        assert 'objects.json' in str(error) or '1.png' in str(error)
        return
    report = dataset.report
    if not report.lines() and not report.doubtful and not len(dataset.skipped):
        assert found == expected, 'another object is learnt, and nothing is said'
    for image in ('2.png', '3.png'):
        assert found.get(image) == expected[image], 'objects of another image are lost'


def perfect(image_id):
    masks = torch.zeros(2, SIZE, SIZE, dtype=torch.bool)
    for mask, (x, y, width, height) in zip(masks, SQUARES, strict=True):
        mask[y : y + height, x : x + width] = True
    boxes = torch.tensor([[x, y, x + width, y + height] for x, y, width, height in SQUARES], dtype=torch.float32)
    found = InstanceData(bboxes=boxes, labels=torch.tensor([0, 1]), scores=torch.ones(2), masks=masks)
    return dict(img_id=image_id, ori_shape=(SIZE, SIZE), pred_instances=found)


@pytest.mark.parametrize(('place', 'key', 'name'), FAULTS, ids=['-'.join(fault) for fault in FAULTS])
def test_evaluation(folder, place, key, name):
    try:
        dataset = load(folder, planted(place, key, name), test_mode=True)
        dataset.full_init()
        metric = CheckedCocoMetric(metric=['bbox', 'segm'])
        metric.dataset_meta = dataset.metainfo
        metric.use_dataset(dataset)
        metric.process({}, [perfect(dataset.get_data_info(index)['img_id']) for index in range(len(dataset))])
        figures = metric.evaluate(len(dataset))
    except UserError as error:
        assert 'objects.json' in str(error) or '1.png' in str(error)
        return
    changed = bool(dataset.report.lines() or dataset.report.doubtful)
    # What is left out is no ground truth, so that finding it is one false positive of six objects.
    assert figures['coco/segm_mAP'] == pytest.approx(1.0, abs=0.3 if changed else 1e-6)
    assert figures['coco/bbox_mAP'] == pytest.approx(1.0, abs=0.3 if changed else 1e-6)
