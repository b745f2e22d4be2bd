from __future__ import annotations

import logging
import pickle

import cv2
import numpy as np
import pytest
from mmdet.datasets import CocoPanopticDataset
from mmdet.registry import DATASETS

from mmdet_panseg.datasets import CheckedCocoPanopticDataset, LoadCheckedImage, LoadPanopticSegments
from mmdet_panseg.datasets.errors import AnnotationFileError, MissingDataError
from mmdet_panseg.datasets.scenes import STUFF_CLASSES, THING_CLASSES, make_scenes
from mmdet_panseg.engine.hooks.skipped_samples_hook import describe_skipped


def build(folder, **changes) -> CheckedCocoPanopticDataset:
    return CheckedCocoPanopticDataset(**folder.arguments(**changes))


def labels(dataset, index=0) -> dict[int, int]:
    return {segment['id']: segment['category'] for segment in dataset.get_data_info(index)['segments_info']}


def test_records_and_metainfo(panoptic_folder, log):
    dataset = build(panoptic_folder)
    assert DATASETS.get('CheckedCocoPanopticDataset') is CheckedCocoPanopticDataset
    assert dataset.metainfo['classes'] == ('apple', 'pear tree', 'sky', 'grass')
    assert dataset.metainfo['thing_classes'] == ('apple', 'pear tree')
    assert dataset.metainfo['stuff_classes'] == ('sky', 'grass')
    assert dataset.metainfo['palette'] == [(200, 0, 0), (0, 200, 0), (0, 0, 200), (0, 90, 0)]
    assert labels(dataset) == {5: 0, 300: 0, 66_000: 1, 7000: 3, 70_000: 2}
    info = dataset.get_data_info(0)
    assert info['seg_map_path'] == str(panoptic_folder.png(1))
    crowd = next(segment for segment in info['segments_info'] if segment['id'] == 66_000)
    assert crowd == {'id': 66_000, 'category': 1, 'is_thing': True, 'iscrowd': True}
    assert [instance['ignore_flag'] for instance in info['instances']] == [0, 0, 1]
    assert info['instances'][1] == {'bbox': [3, 2, 9, 8], 'bbox_label': 0, 'ignore_flag': 0}
    assert dataset.report.lines() == [] and dataset.report.num_objects == dataset.report.num_annotations == 8
    assert len(dataset) == 3, 'images with stuff only stay'
    assert not [record for record in log.records if record.levelno >= logging.INFO]


def test_records_as_in_mmdet(panoptic_folder):
    panoptic_folder.segment(66_000)['iscrowd'] = 0
    arguments = panoptic_folder.arguments(serialize_data=False)
    ours = CheckedCocoPanopticDataset(**arguments)
    plain = CocoPanopticDataset(metainfo=ours.metainfo, **arguments)
    for info, expected in zip(ours.data_list, plain.data_list, strict=True):
        for segment in info['segments_info']:
            assert segment.pop('iscrowd') is False
        assert info == expected


@pytest.mark.parametrize('how', ['categories', 'classes'])
def test_stuff_before_things_is_remapped_and_said_once(panoptic_folder, log, how):
    names = ('sky', 'apple', 'grass', 'pear tree')
    metainfo = {'palette': [(1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 4)]}
    if how == 'classes':
        names = ('sky', 'grass', 'apple', 'pear tree')
        metainfo['classes'] = names
    else:
        panoptic_folder.content['categories'].sort(key=lambda category: names.index(category['name']))
    dataset = build(panoptic_folder, metainfo=metainfo, lazy_init=True)
    expected = ('apple', 'pear tree', 'sky', 'grass')
    if how == 'categories':
        assert dataset.metainfo['classes'] == expected
    dataset.full_init()
    assert dataset.metainfo['classes'] == expected
    assert dataset.metainfo['palette'] == [metainfo['palette'][names.index(name)] for name in expected]
    assert labels(dataset) == {5: 0, 300: 0, 66_000: 1, 7000: 3, 70_000: 2}
    messages = [record.getMessage() for record in log.records if record.levelno >= logging.INFO]
    assert len(messages) == 1
    for part in ('panoptic.json', 'stuff before things', '2 things from label 0 (apple, pear tree)', 'from label 2'):
        assert part in messages[0]


def test_other_order_of_things_is_refused(panoptic_folder):
    with pytest.raises(AnnotationFileError, match=r"another order.*classes=\('apple', 'pear tree', 'sky'\)"):
        build(panoptic_folder, metainfo={'classes': ('pear tree', 'apple', 'sky')})


def test_chosen_classes_leave_void(panoptic_folder, log):
    dataset = build(panoptic_folder, metainfo={'classes': ('pear tree', 'grass')})
    assert dataset.metainfo['thing_classes'] == ('pear tree',)
    assert labels(dataset) == {5: 255, 300: 255, 66_000: 0, 7000: 1, 70_000: 255}
    assert len(dataset.get_data_info(0)['instances']) == 1
    assert dataset.report.unused_categories == {'apple': 2, 'sky': 2}
    assert 'apple 2' in log.text


def test_things_named_by_the_config(panoptic_folder):
    for category in panoptic_folder.content['categories']:
        del category['isthing']
    with pytest.raises(AnnotationFileError, match=r"4 of 4 'categories'.*'isthing' \(apple, pear tree, sky, ...\).*"):
        build(panoptic_folder)
    dataset = build(panoptic_folder, metainfo={'thing_classes': ('pear tree', 'grass')})
    assert dataset.metainfo['classes'] == ('pear tree', 'grass', 'apple', 'sky')
    with pytest.raises(AnnotationFileError, match="'metainfo.thing_classes'.*nearest: 'pear tree'|nearest.*thing_cl"):
        build(panoptic_folder, metainfo={'thing_classes': ('pear tre',)})
    with pytest.raises(AnnotationFileError, match='stuff_classes.*are not the classes in use that are no things'):
        build(panoptic_folder, metainfo={'thing_classes': ('apple',), 'stuff_classes': ('sky',)})


def test_config_wins_over_isthing(panoptic_folder):
    dataset = build(panoptic_folder, metainfo={'thing_classes': ('apple',)})
    assert dataset.metainfo['classes'] == ('apple', 'pear tree', 'sky', 'grass')
    assert dataset.metainfo['stuff_classes'] == ('pear tree', 'sky', 'grass')
    assert [instance['bbox_label'] for instance in dataset.get_data_info(0)['instances']] == [0, 0]


@pytest.mark.parametrize('suffix', ['.jpg', '.JPG', '.jpeg', '.png', None])
def test_names_of_png_files(panoptic_folder, suffix):
    for annotation, image in zip(
        panoptic_folder.content['annotations'], panoptic_folder.content['images'], strict=True
    ):
        stem = annotation['file_name'].removesuffix('.png')
        if suffix is None:
            del annotation['file_name']
            (panoptic_folder.root / 'images' / image['file_name']).rename(panoptic_folder.root / f'images/{stem}.JPG')
            image['file_name'] = f'{stem}.JPG'
        else:
            annotation['file_name'] = stem + suffix
    dataset = build(panoptic_folder)
    assert [dataset.get_data_info(i)['seg_map_path'] for i in range(3)] == [
        str(panoptic_folder.png(i)) for i in (1, 2, 3)
    ]


def set_value(place, key, value):
    def change(folder):
        place(folder)[key] = value

    return change


def first(folder):
    return folder.content['annotations'][0]


@pytest.mark.parametrize(
    ('change', 'parts'),
    [
        (lambda f: first(f).pop('segments_info'), ("'annotations'", "no key 'segments_info'")),
        (set_value(first, 'segments_info', None), ("'segments_info' of 1 annotations", 'image_id 1')),
        (lambda f: f.segment(300).pop('category_id'), ("'segments_info'", "'category_id'", 'id 300')),
        (set_value(first, 'image_id', 2), ('more than one entry', 'image_id 2')),
        (set_value(first, 'image_id', 9), ("'image_id'", "'images' does not list (9)")),
        (lambda f: f.segment(300).update(category_id=7), ('segments (ids 300)', "'categories' does not list (7)")),
        (lambda f: f.segment(300).update(id=5), ('image_id 1', "'id' 5 occurs more than once")),
        (lambda f: f.segment(300).update(id=0), ('image_id 1', "'id' 0", '0 is void')),
        (lambda f: f.segment(300).update(id=2**24), ("'id' 16777216", '1..16777215')),
        (lambda f: f.segment(300).update(id='300'), ("'id' '300'",)),
        (lambda f: f.segment(300).update(iscrowd='0'), ("'iscrowd' of 1", 'ids 300', "'0'", 'neither 0 nor 1')),
        (lambda f: f.content['categories'][0].update(isthing='0'), ("'isthing' of 1", "'0'", 'neither 0 nor 1')),
        (lambda f: f.content['categories'][0].update(isthing=None), ("'isthing' of 1", 'None')),
        (lambda f: f.content['images'][0].update(file_name=None), ("'file_name' of 1 'images'", 'no text')),
        (lambda f: f.content['categories'].clear(), ("'categories' is empty",)),
        (lambda f: f.content.pop('annotations'), ("no list 'annotations'",)),
    ],
)
def test_files_that_do_not_fit_together(panoptic_folder, change, parts):
    change(panoptic_folder)
    with pytest.raises(AnnotationFileError) as caught:
        build(panoptic_folder)
    for part in (str(panoptic_folder.ann_file), *parts):
        assert part in str(caught.value)


def test_files_missing(panoptic_folder):
    panoptic_folder.png(2).unlink()
    with pytest.raises(MissingDataError, match=r"1 of 3 panoptic PNG files.*photo2\.png.*\(seg='"):
        build(panoptic_folder)
    (panoptic_folder.root / 'images' / 'photo1.jpg').unlink()
    with pytest.raises(MissingDataError, match=r"1 of 3 images.*photo1\.jpg.*\(img='"):
        build(panoptic_folder)


def test_folder_of_segments_not_named(panoptic_folder):
    with pytest.raises(AnnotationFileError, match=r"panoptic\.json' has no 'seg'"):
        build(panoptic_folder, data_prefix={'img': 'images/'})


def test_bad_segments_are_void_and_counted(panoptic_folder, log):
    panoptic_folder.segment(300)['area'] = 0
    panoptic_folder.segment(80)['bbox'] = [50, 0, 3, 3]
    dataset = build(panoptic_folder)
    assert labels(dataset)[300] == labels(dataset, 1)[80] == 255
    assert {key: finding.examples for key, finding in dataset.report.left_out.items()} == {
        'no_area': [(300, 'photo1.jpg')],
        'box_outside': [(80, 'photo2.jpg')],
    }
    assert '6 of 8 annotations in use' in log.text
    with pytest.raises(AnnotationFileError, match="on_bad_annotation='skip'"):
        build(panoptic_folder, on_bad_annotation='error')


def test_images_without_annotation(panoptic_folder, log):
    del panoptic_folder.content['annotations'][1]
    dataset = build(panoptic_folder)
    assert [dataset.get_data_info(i)['img_id'] for i in range(len(dataset))] == [1, 3]
    assert 'photo2.jpg' in log.text and "without an entry in 'annotations'" in log.text
    test = build(panoptic_folder, test_mode=True)
    assert [test.get_data_info(i)['seg_map_path'] is None for i in range(3)] == [False, True, False]
    panoptic_folder.content['annotations'].clear()
    with pytest.raises(AnnotationFileError, match='No image is left'):
        build(panoptic_folder)


def test_empty_images_are_those_that_are_void(panoptic_folder):
    panoptic_folder.segment(1_000_000)['area'] = 0
    dataset = build(panoptic_folder, filter_cfg={'filter_empty_gt': True})
    assert [dataset.get_data_info(i)['img_id'] for i in range(len(dataset))] == [1, 2]


def test_test_mode_without_ground_truth(panoptic_folder):
    del panoptic_folder.content['annotations']
    dataset = build(panoptic_folder, test_mode=True, data_prefix={'img': 'images/'})
    assert len(dataset) == 3 and dataset.get_data_info(0)['seg_map_path'] is None


def test_more_classes_than_a_semantic_map_holds(panoptic_folder):
    more = [{'id': 100 + i, 'name': f'kind {i}', 'isthing': i % 2} for i in range(252)]
    panoptic_folder.content['categories'] += more[:251]
    assert len(build(panoptic_folder).metainfo['classes']) == 255
    panoptic_folder.content['categories'] += more[251:]
    with pytest.raises(AnnotationFileError, match=r'panoptic\.json. has 256 classes.*metainfo\.classes'):
        build(panoptic_folder)


def test_goes_to_worker_processes(panoptic_folder):
    dataset = build(panoptic_folder, pipeline=[LoadCheckedImage(), LoadPanopticSegments()])
    copied = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(copied[0]['gt_seg_map'], dataset[0]['gt_seg_map'])


def test_broken_png_is_skipped_in_training(panoptic_folder):
    pipeline = [LoadCheckedImage(), LoadPanopticSegments()]
    dataset = build(panoptic_folder, pipeline=pipeline)
    whole = panoptic_folder.png(2).read_bytes()
    panoptic_folder.png(2).write_bytes(whole[: len(whole) // 2])
    cv2.imwrite(str(panoptic_folder.png(3)), np.zeros((5, 5, 3), np.uint8))
    for index in (1, 2):
        assert dataset[index]['img_id'] == 1
    assert dataset.skipped.faults() == {1: ('truncated', 'seg_map_path'), 2: ('wrong size', 'seg_map_path')}
    report = describe_skipped(dataset)
    assert str(panoptic_folder.png(2)) in report and str(panoptic_folder.png(3)) in report


def test_scenes(tmp_path):
    make_scenes(tmp_path / 'scenes', num_train=3, num_val=1, size=(96, 80), progress=False)
    dataset = CheckedCocoPanopticDataset(
        data_root=str(tmp_path / 'scenes'),
        ann_file='annotations/panoptic_train.json',
        data_prefix={'img': 'images/train/', 'seg': 'annotations/panoptic_train/'},
        on_bad_annotation='error',
    )
    assert dataset.metainfo['thing_classes'] == tuple(THING_CLASSES)
    assert dataset.metainfo['stuff_classes'] == tuple(STUFF_CLASSES)
    assert len(dataset) == 3


def test_real_samples(real_data):
    root = real_data('coco_panoptic_samples')
    dataset = CheckedCocoPanopticDataset(
        data_root=str(root),
        ann_file='annotations/panoptic_val.json',
        data_prefix={'img': 'images/', 'seg': 'panoptic_val/'},
        on_bad_annotation='error',
    )
    assert dataset.metainfo['classes'] == CocoPanopticDataset.METAINFO['classes']
    assert dataset.metainfo['palette'] == CocoPanopticDataset.METAINFO['palette']
    assert [len(dataset.get_data_info(i)['segments_info']) for i in range(2)] == [18, 32]


@pytest.mark.parametrize('split', ['train', 'val'])
def test_things_only(real_data, split):
    dataset = CheckedCocoPanopticDataset(
        data_root=str(real_data('coco_mini')),
        ann_file=f'annotations/panoptic_{split}.json',
        data_prefix={'img': f'images/{split}/', 'seg': f'panoptic_{split}/'},
    )
    assert len(dataset.metainfo['thing_classes']) == 80 and dataset.metainfo['stuff_classes'] == ()
    assert dataset.report.num_objects > 0
