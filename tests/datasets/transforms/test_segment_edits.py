"""Transforms that edit the segment table, and what they do where there is none."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks

from mmdet_panseg.datasets import (
    CheckedCocoPanopticDataset,
    DatasetError,
    FilterCategories,
    FixClassGT,
    LoadPanopticSegments,
    RemoveCrowds,
    SplitStuffIslands,
)
from mmdet_panseg.datasets.dataset_classes import DatasetClasses
from mmdet_panseg.ops import SegmentTable

CLASSES = DatasetClasses(('apple', 'pear', 'sky', 'grass'), (1, 5, 90, None), 2)


@pytest.fixture
def loaded(panoptic_folder) -> dict:
    """The first sample of the folder: apples 5 and 300, a crowd of pear trees 66000, sky 70000, grass 7000."""
    return LoadPanopticSegments()(CheckedCocoPanopticDataset(**panoptic_folder.arguments()).get_data_info(0))


def labels_by_id(results) -> dict[int, int]:
    table = results['gt_segments']
    return {int(table.ids[row]): int(table.labels[row]) for row in table.rows}


def without_table() -> dict:
    """What LoadAnnotations and MapSemanticLabels leave of three instances, one a crowd."""
    return dict(
        dataset_classes=CLASSES,
        gt_masks=BitmapMasks(np.arange(3)[:, None, None] * np.ones((3, 4, 4), np.uint8), 4, 4),
        gt_bboxes=HorizontalBoxes(torch.arange(12.0).reshape(3, 4)),
        gt_bboxes_labels=np.array([0, 1, 0]),
        gt_ignore_flags=np.array([False, False, True]),
        gt_seg_map=np.array([[0, 1, 2, 3], [255, 3, 0, 0]], np.uint8),
    )


def left_over(results) -> list[int]:
    """Which of the three instances are left, after checking that all keys agree."""
    left = (results['gt_bboxes'].tensor[:, 0] / 4).int().tolist()
    assert [int(mask.max()) for mask in results['gt_masks'].masks] == left
    assert len(results['gt_bboxes_labels']) == len(results['gt_ignore_flags']) == len(left)
    return left


def assert_table_unchanged(transform, results):
    """Tables may be shared: none is changed in place."""
    table = results['gt_segments']
    before = {field.name: getattr(table, field.name).copy() for field in dataclasses.fields(SegmentTable)}
    transform(results)
    for name, column in before.items():
        np.testing.assert_array_equal(getattr(table, name), column)


def test_crowds_become_void(loaded):
    assert_table_unchanged(RemoveCrowds(), dict(loaded))
    results = RemoveCrowds()(loaded)
    assert labels_by_id(results) == {5: 0, 300: 0, 7000: 3, 70_000: 2}
    assert 66_000 not in results['gt_segments'].ids
    assert not FixClassGT()(results)['gt_ignore_flags'].any()


def test_crowds_without_a_table():
    results = RemoveCrowds()(without_table())
    assert left_over(results) == [0, 1] and not results['gt_ignore_flags'].any()
    with pytest.raises(KeyError, match='LoadPanopticSegments or LoadAnnotations'):
        RemoveCrowds()({})


@pytest.mark.parametrize(
    ('settings', 'expected'),
    [
        (dict(drop=['apple']), {66_000: 1, 7000: 3, 70_000: 2}),
        (dict(drop=[1, 'sky']), {66_000: 1, 7000: 3}),
        (dict(keep=['apple', 92]), {5: 0, 300: 0, 7000: 3}),
        (dict(keep=[]), {}),
        (dict(drop=[]), {5: 0, 300: 0, 66_000: 1, 7000: 3, 70_000: 2}),
        (dict(drop=['apple'], to='grass'), {66_000: 1, 7000: 3, 70_000: 2}),
        (dict(drop=['apple', 'pear tree', 'sky'], to='grass'), {7000: 3}),
        (dict(drop=['apple'], to=5), {5: 1, 300: 1, 66_000: 1, 7000: 3, 70_000: 2}),
        (dict(keep=['apple', 'pear tree', 'sky'], to='sky'), {5: 0, 300: 0, 66_000: 1, 70_000: 2}),
    ],
)
def test_categories_of_a_table(loaded, panoptic_folder, settings, expected):
    transform = FilterCategories(**settings)
    assert_table_unchanged(transform, dict(loaded))
    results = transform(loaded)
    table = results['gt_segments']
    assert labels_by_id(results) == expected
    np.testing.assert_array_equal(table.is_thing[table.rows], table.labels[table.rows] < 2)
    instances = {int(i) for i in table.ids[table.is_instance]}
    assert instances == {i for i in (5, 300) if expected.get(i, 255) < 2}
    kept = np.where(np.isin(panoptic_folder.ids[1], list(expected)), panoptic_folder.ids[1], 0)
    united = {'grass': 7000, 'sky': 70_000}.get(settings.get('to'))
    if united:  # the others are parts of the one segment of that class
        kept = np.where((kept == 0) & (panoptic_folder.ids[1] > 0), united, kept)
    np.testing.assert_array_equal(table.ids[results['gt_seg_map']], kept)


def test_stuff_that_only_renamed_segments_make_is_one_segment(panoptic_folder):
    """Apples and pears become a class that the image has no segment of; the crowd of pears is no crowd any more."""
    arguments = panoptic_folder.arguments()
    results = LoadPanopticSegments()(CheckedCocoPanopticDataset(**arguments).get_data_info(0))
    without = results['gt_segments'].void(results['gt_segments'].labels == 3)
    results['gt_segments'] = without
    results = FilterCategories(keep=['sky'], to='grass')(results)
    table = results['gt_segments']
    grass = table.rows[table.labels[table.rows] == 3]
    assert len(grass) == 1 and not table.is_crowd[grass[0]] and not table.is_thing[grass[0]]
    expected = np.isin(panoptic_folder.ids[1], [5, 300, 66_000])
    np.testing.assert_array_equal(results['gt_seg_map'] == grass[0], expected)


@pytest.mark.parametrize(
    ('settings', 'left', 'labels', 'row'),
    [
        (dict(drop=['apple']), [1], [1], [255, 1, 2, 3]),
        (dict(drop=['apple'], to='pear'), [0, 1, 2], [1, 1, 1], [1, 1, 2, 3]),
        (dict(drop=['apple', 'sky'], to='grass'), [1], [1], [3, 1, 3, 3]),
        (dict(keep=['apple', 'grass']), [0, 2], [0, 0], [0, 255, 255, 3]),
    ],
)
def test_categories_without_a_table(settings, left, labels, row):
    results = FilterCategories(**settings)(without_table())
    assert left_over(results) == left
    assert results['gt_bboxes_labels'].tolist() == labels
    assert results['gt_seg_map'].dtype == np.uint8 and results['gt_seg_map'][0].tolist() == row
    assert results['gt_seg_map'][1, 0] == 255, 'void stays void'


def test_data_sets_of_other_classes_in_one_pipeline():
    transform = FilterCategories(drop=['apple'])
    transform(without_table())
    other = {**without_table(), 'dataset_classes': DatasetClasses(('pear', 'apple', 'sky', 'grass'), (5, 1, 90, 92), 2)}
    assert left_over(transform(other)) == [0, 2]


@pytest.mark.parametrize(
    ('settings', 'parts'),
    [
        (dict(drop=['aple']), ('FilterCategories(drop)', "'aple' (nearest: 'apple')", 'apple (1), pear (5)', 'grass.')),
        (dict(keep=[77]), ('FilterCategories(keep)', "'77'")),
        (dict(keep=[None]), ('FilterCategories(keep)', "'None'")),
        (dict(drop=['apple'], to='soil'), ('FilterCategories(to)', "'soil'")),
        (dict(drop=['sky'], to='apple'), ('stuff (sky) cannot become the thing class',)),
    ],
)
def test_classes_that_do_not_work_are_named(settings, parts):
    with pytest.raises(DatasetError) as caught:
        FilterCategories(**settings)(without_table())
    for part in parts:
        assert part in str(caught.value)


def test_samples_of_other_data_sets_are_named():
    with pytest.raises(DatasetError, match="no 'dataset_classes': load it by CheckedCocoDataset"):
        FilterCategories(drop=['apple'])({})


@pytest.mark.parametrize('settings', [{}, dict(keep=['a'], drop=['b']), dict(drop='apple')])
def test_wrong_settings_of_filter_categories(settings):
    with pytest.raises(ValueError, match='FilterCategories'):
        FilterCategories(**settings)


def scattered() -> dict:
    """Stuff 11 in parts of 40, 6 and 1 pixels, stuff 12 in one part, thing 13 in two."""
    segment_map = np.full((12, 20), 255, np.uint16)
    segment_map[:4, :10] = 0
    segment_map[6:8, :3] = 0
    segment_map[11, 0] = 0
    segment_map[:6, 12:] = 1
    segment_map[8, 12:] = segment_map[10, 12:] = 2
    table = SegmentTable.from_segments([11, 12, 13], [2, 3, 0], [0, 0, 1], [0, 0, 0])
    return dict(gt_seg_map=segment_map, gt_segments=table, dataset_classes=CLASSES)


@pytest.mark.parametrize(
    ('settings', 'islands'),
    [
        (dict(min_area=1), [40, 6, 1, 48]),
        (dict(min_area=6), [40, 6, 48]),
        (dict(min_area=45), [48]),
        (dict(min_area=45, class_min_area={'sky': 30}), [40, 48]),
        (dict(min_area=1, class_min_area={90: 41}), [48]),
    ],
)
@pytest.mark.parametrize('as_instances', [False, True])
def test_islands(settings, islands, as_instances):
    before = scattered()
    results = SplitStuffIslands(as_instances=as_instances, **settings)(scattered())
    segment_map, table = results['gt_seg_map'], results['gt_segments']
    for name in ('ids', 'labels', 'is_thing', 'is_crowd'):
        np.testing.assert_array_equal(
            getattr(table, name)[segment_map], getattr(before['gt_segments'], name)[before['gt_seg_map']]
        )
    areas = np.bincount(segment_map.reshape(-1), minlength=len(table))
    assert (areas[table.rows] > 0).all(), 'no row without pixels'
    stuff = table.rows[~table.is_thing[table.rows]]
    new = stuff[stuff >= 256]
    assert sorted(areas[new]) == sorted(islands)
    assert set(np.flatnonzero(table.is_instance)) == {2, *(new if as_instances else ())}


def test_islands_as_instances_reach_the_masks():
    results = SplitStuffIslands(min_area=6, as_instances=True)(scattered())
    results = FixClassGT(strides=None)(results)
    assert results['gt_bboxes_labels'].tolist() == [0, 2, 2, 3]
    assert results['gt_areas'].tolist() == [16, 40, 6, 48]
    assert not results['gt_ignore_flags'].any()


def test_wrong_use_of_islands():
    with pytest.raises(ValueError, match='at least 1 pixel'):
        SplitStuffIslands(min_area=0)
    with pytest.raises(KeyError, match='LoadPanopticSegments'):
        SplitStuffIslands()(without_table())
    checkered = {**scattered(), 'gt_seg_map': np.full((600, 600), 2, np.uint16), 'img_path': 'a.jpg'}
    checkered['gt_seg_map'][::2, ::2] = 0
    with pytest.raises(DatasetError, match=r"'a.jpg': \d+ segments and islands do not fit.*raise min_area"):
        SplitStuffIslands(min_area=1)(checkered)
    with pytest.raises(DatasetError, match=r'class_min_area.*earth'):
        SplitStuffIslands(class_min_area={'earth': 5})(scattered())
