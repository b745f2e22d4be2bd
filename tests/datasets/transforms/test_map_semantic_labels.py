"""Instances in a JSON and stuff in semantic maps: the same samples as from panoptic files."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from mmdet.datasets.transforms import LoadAnnotations, RandomFlip, Resize
from pycocotools import mask as mask_utils

from mmdet_panseg.datasets import (
    AnnotationFileError,
    BrokenImageError,
    CheckedCocoDataset,
    CheckedCocoPanopticDataset,
    DatasetError,
    FixClassGT,
    LoadCheckedImage,
    LoadPanopticSegments,
    MapSemanticLabels,
    MissingDataError,
    PackPanopticInputs,
)
from mmdet_panseg.datasets.dataset_classes import DatasetClasses

CLASSES = DatasetClasses(('apple', 'pear', 'sky', 'grass'), (1, 5, None, None), 2)
AUGMENT = [Resize(scale=(60, 60), keep_ratio=True), RandomFlip(prob=1.0), FixClassGT(), PackPanopticInputs()]


def map_of(raw, **settings):
    results = MapSemanticLabels(**settings)(dict(gt_seg_map=np.array(raw), dataset_classes=CLASSES))
    assert results['gt_seg_map'].dtype == np.uint8
    return results['gt_seg_map'].tolist()


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.int32])
def test_values_by_name_and_by_category_id(dtype):
    raw = np.array([[0, 4, 91, 123], [255, 1, 90, 92]], dtype)
    settings = dict(label_map={91: 'sky', 123: 'grass'}, category_offset=1)
    assert map_of(raw, **settings) == [[0, 1, 2, 3], [255, 255, 255, 255]]
    assert map_of(raw, label_map={91: 'sky', 4: 5}) == [[255, 1, 2, 255], [255, 255, 255, 255]]
    assert map_of(raw, category_offset=0) == [[255, 255, 255, 255], [255, 0, 255, 255]]


def test_each_value_against_one_pass_a_class():
    raw = np.arange(256, dtype=np.uint8).reshape(16, 16)
    expected = np.full(raw.shape, 255)
    for value, label in {17: 2, 3: 3, 254: 2, 0: 0, 4: 1}.items():
        expected[raw == value] = label
    label_map = {17: 'sky', 3: 'grass', 254: 'sky'}
    assert map_of(raw, label_map=label_map, category_offset=1) == expected.tolist()


def test_void_of_wide_maps():
    assert map_of(np.array([[65_535, 300, 2]], np.uint16), label_map={300: 'grass'}) == [[255, 3, 255]]


def test_what_cannot_be_mapped_is_named():
    with pytest.raises(ValueError, match="'label_map', 'category_offset' or both"):
        MapSemanticLabels()
    with pytest.raises(ValueError, match='whole numbers from 0, not -1'):
        MapSemanticLabels(label_map={-1: 'sky'})
    transform = MapSemanticLabels(label_map={7: 'Sky'})
    sample = dict(gt_seg_map=np.zeros((4, 6), np.uint8), dataset_classes=CLASSES, seg_map_path='maps/a.png')
    with pytest.raises(DatasetError, match="label_map.*'Sky' .nearest: 'sky'"):
        transform(dict(sample))
    with pytest.raises(KeyError, match='with_seg=True'):
        transform(dict(dataset_classes=CLASSES))
    with pytest.raises(AnnotationFileError, match=r"maps/a\.png' has 3 channels.*pillow"):
        transform({**sample, 'gt_seg_map': np.zeros((4, 6, 3), np.uint8)})
    with pytest.raises(BrokenImageError, match=r"maps/a\.png' is 6x4, its image is 6x5"):
        transform({**sample, 'height': 5, 'width': 6})


def write_stuff_folder(folder) -> dict:
    """The panoptic folder's content as instances JSON and COCO-Stuff maps; arguments of the data set."""
    kinds = {0: 256}
    annotations = []
    (folder.root / 'stuffthingmaps').mkdir()
    for annotation in folder.content['annotations']:
        ids = folder.ids[annotation['image_id']]
        for info in annotation['segments_info']:
            kinds[info['id']] = info['category_id']
            if info['category_id'] > 5:
                continue
            rle = mask_utils.encode(np.asfortranarray(ids == info['id'], np.uint8))
            segmentation = {'size': rle['size'], 'counts': rle['counts'].decode()}
            record = {**info, 'id': len(annotations) + 1, 'image_id': annotation['image_id']}
            annotations.append({**record, 'segmentation': segmentation})
        raw = np.vectorize(kinds.get)(ids.astype(int)) - 1
        cv2.imwrite(str(folder.root / 'stuffthingmaps' / annotation['file_name']), raw.astype(np.uint8))
    content = {
        'images': folder.content['images'],
        'annotations': annotations,
        'categories': [category for category in folder.content['categories'] if category['isthing']],
    }
    (folder.root / 'instances.json').write_text(json.dumps(content))
    return dict(
        data_root=str(folder.root),
        ann_file='instances.json',
        data_prefix={'img': 'images/', 'seg': 'stuffthingmaps/'},
        metainfo={'stuff_classes': ('sky', 'grass')},
    )


RAW = dict(label_map={89: 'sky', 91: 'grass'}, category_offset=1)


def test_whole_pipeline_gives_the_samples_of_panoptic_files(panoptic_folder):
    panoptic_folder.segment(66_000)['iscrowd'] = 0
    arguments = write_stuff_folder(panoptic_folder)
    load = [
        LoadCheckedImage(),
        LoadAnnotations(with_bbox=True, with_mask=True, with_seg=True),
        MapSemanticLabels(**RAW),
    ]
    stuff = CheckedCocoDataset(pipeline=load + AUGMENT, **arguments)
    load = [LoadCheckedImage(), LoadPanopticSegments()]
    panoptic = CheckedCocoPanopticDataset(pipeline=load + AUGMENT, **panoptic_folder.arguments())
    for key in ('classes', 'thing_classes', 'stuff_classes'):
        assert stuff.metainfo[key] == panoptic.metainfo[key]
    assert len(stuff) == len(panoptic) == 3
    for ours, expected in zip(stuff, panoptic, strict=True):
        ours, expected = ours['data_samples'], expected['data_samples']
        assert set(ours.keys()) == set(expected.keys())
        assert set(ours.gt_instances.keys()) == set(expected.gt_instances.keys())
        assert ours.gt_sem_seg.sem_seg.dtype == expected.gt_sem_seg.sem_seg.dtype
        assert (ours.gt_sem_seg.sem_seg == expected.gt_sem_seg.sem_seg).all()
        for key in expected.gt_instances.keys():  # noqa: SIM118
            found, wanted = ours.gt_instances[key], expected.gt_instances[key]
            assert np.array_equal(*(np.asarray(getattr(value, 'tensor', value)) for value in (found, wanted))), key


def test_ground_truth_of_the_test_pipeline_keeps_its_size(panoptic_folder):
    load = [LoadAnnotations(with_bbox=False, with_label=False, with_seg=True), MapSemanticLabels(**RAW)]
    pipeline = [LoadCheckedImage(), Resize(scale=(90, 90), keep_ratio=True), *load, PackPanopticInputs()]
    dataset = CheckedCocoDataset(pipeline=pipeline, test_mode=True, **write_stuff_folder(panoptic_folder))
    sample = dataset[0]['data_samples']
    assert sample.gt_sem_seg.sem_seg.shape == (1, 24, 40) and sample.img_shape == (54, 90)


def test_semantic_maps_missing(panoptic_folder):
    arguments = write_stuff_folder(panoptic_folder)
    (panoptic_folder.root / 'stuffthingmaps' / 'photo3.png').unlink()
    with pytest.raises(MissingDataError, match=r"1 of 3 semantic maps.*photo3\.png.*\(seg='"):
        CheckedCocoDataset(**arguments)


@pytest.mark.parametrize(
    ('stuff', 'message'),
    [
        (('sky', 'apple'), "stuff_classes' names 'apple', whose objects"),
        ('sky', "is the text 'sky'"),
        (('sky', 'sky'), "'sky' twice"),
    ],
)
def test_wrong_stuff_classes(panoptic_folder, stuff, message):
    arguments = write_stuff_folder(panoptic_folder)
    with pytest.raises(AnnotationFileError, match=message):
        CheckedCocoDataset(**{**arguments, 'metainfo': {'stuff_classes': stuff}})


def test_classes_that_name_stuff_too(panoptic_folder):
    arguments = write_stuff_folder(panoptic_folder)
    metainfo = {'classes': ('sky', 'pear tree', 'grass'), 'stuff_classes': ('sky', 'grass')}
    dataset = CheckedCocoDataset(**{**arguments, 'metainfo': metainfo})
    assert dataset.metainfo['classes'] == ('pear tree', 'sky', 'grass')
    assert dataset.metainfo['thing_classes'] == ('pear tree',)
