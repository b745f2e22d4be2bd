"""Loading of panoptic PNG files: the same ground truth as mmdet's loader, and clear errors."""

from __future__ import annotations

import copy
import logging

import cv2
import numpy as np
import pytest
from mmdet.datasets import CocoPanopticDataset
from mmdet.datasets.transforms import LoadPanopticAnnotations
from PIL import Image

from mmdet_panseg.datasets import (
    AnnotationFileError,
    BrokenImageError,
    CheckedCocoPanopticDataset,
    FixClassGT,
    LoadCheckedImage,
    LoadPanopticSegments,
    MissingDataError,
)
from mmdet_panseg.datasets.scenes import make_scenes


def sample_of(folder, index=0, **changes) -> dict:
    return CheckedCocoPanopticDataset(**folder.arguments(**changes)).get_data_info(index)


def test_map_and_table_give_the_file_again(panoptic_folder):
    results = LoadPanopticSegments()(sample_of(panoptic_folder))
    segment_map, table = results['gt_seg_map'], results['gt_segments']
    assert segment_map.dtype == np.uint16
    np.testing.assert_array_equal(table.ids[segment_map], panoptic_folder.ids[1])
    names = {
        int(table.ids[row]): (table.labels[row], table.is_crowd[row], table.is_instance[row]) for row in table.rows
    }
    assert names == {
        5: (0, False, True),
        300: (0, False, True),
        66_000: (1, True, False),
        7000: (3, False, False),
        70_000: (2, False, False),
    }


def assert_equal_to_mmdet(dataset):
    """Labels, masks and semantic maps of a whole data set against mmdet's loader; boxes against the masks."""
    for index in range(len(dataset)):
        info = LoadCheckedImage()(dataset.get_data_info(index))
        expected = LoadPanopticAnnotations()(copy.deepcopy(info))
        results = FixClassGT(strides=None)(LoadPanopticSegments()(info))
        present = expected['gt_masks'].masks.any(axis=(1, 2))
        np.testing.assert_array_equal(results['gt_seg_map'], expected['gt_seg_map'])
        np.testing.assert_array_equal(results['gt_masks'].masks, expected['gt_masks'].masks[present])
        for key in ('gt_bboxes_labels', 'gt_ignore_flags'):
            assert results[key].dtype == expected[key].dtype
            np.testing.assert_array_equal(results[key], expected[key][present])
        boxes = expected['gt_masks'][present].get_bboxes('hbox').tensor
        np.testing.assert_array_equal(results['gt_bboxes'].tensor, boxes)


def test_as_mmdet_loads(panoptic_folder):
    assert_equal_to_mmdet(CheckedCocoPanopticDataset(**panoptic_folder.arguments()))


def test_scenes_as_mmdet_loads_them(tmp_path):
    make_scenes(tmp_path / 'scenes', num_train=6, num_val=1, size=(96, 80), progress=False)
    arguments = dict(
        data_root=str(tmp_path / 'scenes'),
        ann_file='annotations/panoptic_train.json',
        data_prefix={'img': 'images/train/', 'seg': 'annotations/panoptic_train/'},
    )
    dataset = CheckedCocoPanopticDataset(**arguments)
    assert_equal_to_mmdet(dataset)


@pytest.mark.parametrize(
    ('pack', 'prefix'),
    [
        ('coco_panoptic_samples', {'img': 'images/', 'seg': 'panoptic_val/'}),
        ('coco_mini', {'img': 'images/val/', 'seg': 'panoptic_val/'}),
    ],
)
def test_real_data_as_mmdet_loads_it(real_data, pack, prefix):
    dataset = CheckedCocoPanopticDataset(
        data_root=str(real_data(pack)), ann_file='annotations/panoptic_val.json', data_prefix=prefix, indices=10
    )
    assert_equal_to_mmdet(dataset)


def test_records_of_mmdet(panoptic_folder):
    """Its data set takes crowds for stuff."""
    arguments = panoptic_folder.arguments()
    metainfo = CheckedCocoPanopticDataset(**arguments).metainfo
    dataset = CocoPanopticDataset(metainfo=metainfo, **arguments)
    info = LoadCheckedImage()(dataset[0])
    expected = LoadPanopticAnnotations()(copy.deepcopy(info))
    results = FixClassGT(strides=None)(LoadPanopticSegments()(info))
    np.testing.assert_array_equal(results['gt_seg_map'], expected['gt_seg_map'])
    np.testing.assert_array_equal(results['gt_masks'].masks, expected['gt_masks'].masks)
    np.testing.assert_array_equal(results['gt_bboxes_labels'], expected['gt_bboxes_labels'])


def test_unknown_ids_are_void_and_named_once(panoptic_folder, log):
    sample = sample_of(panoptic_folder)
    panoptic_folder.ids[1][0, 5] = 999
    panoptic_folder.write_png(1)
    load = LoadPanopticSegments()
    for _ in range(2):
        results = load(copy.deepcopy(sample))
    table = results['gt_segments']
    np.testing.assert_array_equal(
        table.ids[results['gt_seg_map']], np.where(panoptic_folder.ids[1] == 999, 0, panoptic_folder.ids[1])
    )
    messages = [record.getMessage() for record in log.records if record.levelno >= logging.WARNING]
    assert len(messages) == 1
    for part in ('photo1.png', '1 ids (999)', "'segments_info' does not list", 'void'):
        assert part in messages[0]


def test_segments_without_pixels_are_dropped_and_named_once(panoptic_folder, log):
    sample = sample_of(panoptic_folder)
    panoptic_folder.ids[1][panoptic_folder.ids[1] == 300] = 0
    panoptic_folder.write_png(1)
    load = LoadPanopticSegments()
    for _ in range(2):
        table = load(copy.deepcopy(sample))['gt_segments']
    assert sorted(table.ids[table.rows]) == [5, 7000, 66_000, 70_000]
    messages = [record.getMessage() for record in log.records if record.levelno >= logging.WARNING]
    assert len(messages) == 1 and '1 ids (300) which the PNG does not have' in messages[0]


def test_classes_not_in_use_are_void_in_silence(panoptic_folder, log):
    results = LoadPanopticSegments()(sample_of(panoptic_folder, metainfo={'classes': ('apple', 'sky')}))
    log.clear()
    results = LoadPanopticSegments()(sample_of(panoptic_folder, metainfo={'classes': ('apple', 'sky')}))
    ids = panoptic_folder.ids[1]
    expected = np.where(np.isin(ids, [66_000, 7000]), 0, ids)
    np.testing.assert_array_equal(results['gt_segments'].ids[results['gt_seg_map']], expected)
    assert 'photo1.png' not in log.text


def test_more_segments_than_a_map_holds(panoptic_folder):
    sample = sample_of(panoptic_folder)
    sample['segments_info'] = sample['segments_info'][:1] * 65_536
    with pytest.raises(AnnotationFileError, match=r'photo1.png.*65536 segments.*at most 65535'):
        LoadPanopticSegments()(sample)


@pytest.mark.parametrize('count', [254, 255, 256, 700])
def test_many_segments(tmp_path, count):
    ids = (1 + np.arange(30 * 40) % count).reshape(30, 40)
    cv2.imwrite(str(tmp_path / 'a.png'), np.stack([0 * ids, ids >> 8, ids & 255], axis=-1).astype(np.uint8))
    segments = [{'id': i, 'category': i % 7, 'is_thing': i % 7 < 3} for i in range(1, count + 1)]
    sample = {'seg_map_path': str(tmp_path / 'a.png'), 'segments_info': segments, 'ori_shape': (30, 40)}
    results = LoadPanopticSegments()(sample)
    np.testing.assert_array_equal(results['gt_segments'].ids[results['gt_seg_map']], ids)
    assert not (results['gt_seg_map'] == 255).any()
    results = FixClassGT(strides=None)(results)
    np.testing.assert_array_equal(results['gt_seg_map'], ids % 7)
    assert results['gt_seg_map'].dtype == np.uint8


def test_alpha_is_not_read(panoptic_folder):
    sample = sample_of(panoptic_folder)
    Image.open(panoptic_folder.png(1)).convert('RGBA').save(panoptic_folder.png(1))
    results = LoadPanopticSegments()(sample)
    np.testing.assert_array_equal(results['gt_segments'].ids[results['gt_seg_map']], panoptic_folder.ids[1])


def rewrite(change):
    def spoil(path):
        change(Image.open(path).convert('RGB')).save(path)

    return spoil


def as_16_bit(path):
    cv2.imwrite(str(path), cv2.imread(str(path)).astype(np.uint16))


def as_jpeg(path):
    path.write_bytes(cv2.imencode('.jpg', cv2.imread(str(path)))[1].tobytes())


@pytest.mark.parametrize(
    ('spoil', 'error', 'message'),
    [
        (lambda path: path.unlink(), MissingDataError, 'does not exist'),
        (rewrite(lambda image: image.convert('L')), AnnotationFileError, 'is greyscale'),
        (rewrite(lambda image: image.convert('I;16')), AnnotationFileError, 'is 16-bit greyscale'),
        (rewrite(lambda image: image.convert('P')), AnnotationFileError, r"is palette \('P'\)"),
        (as_16_bit, AnnotationFileError, 'is 16 bits a channel'),
        (as_jpeg, AnnotationFileError, 'is no PNG'),
        (rewrite(lambda image: image.resize((24, 40))), BrokenImageError, 'is 24x40, its image is 40x24'),
        (lambda path: path.write_bytes(path.read_bytes()[:60]), BrokenImageError, 'is truncated: PNG end chunk'),
        (
            lambda path: path.write_bytes(path.read_bytes()[:41] + b'IEND\xaeB`\x82'),
            BrokenImageError,
            'does not decode',
        ),
    ],
)
def test_files_that_hold_no_ids(panoptic_folder, spoil, error, message):
    sample = sample_of(panoptic_folder)
    spoil(panoptic_folder.png(1))
    with pytest.raises(error, match=rf"photo1\.png' {message}"):
        LoadPanopticSegments()(sample)


def test_no_ground_truth_passes():
    sample = {'seg_map_path': None, 'segments_info': []}
    assert LoadPanopticSegments()(dict(sample)) == sample
