from __future__ import annotations

import json
import logging

import numpy as np
import pytest
from mmdet.datasets import CocoDataset
from mmdet.datasets.transforms import LoadAnnotations
from mmdet.registry import DATASETS
from pycocotools import mask as mask_utils

from mmdet_panseg.datasets.coco.checked_coco import CheckedCocoDataset
from mmdet_panseg.datasets.errors import AnnotationFileError, MissingDataError
from mmdet_panseg.datasets.images.checked_image import LoadCheckedImage


def objects(dataset, index=0):
    return dataset.get_data_info(index)['instances']


def test_clean_file_loads_as_in_mmdet_without_a_report(coco_folder, log):
    arguments = coco_folder.arguments(serialize_data=False)
    checked = CheckedCocoDataset(**arguments)
    plain = CocoDataset(metainfo={'classes': ('apple', 'pear tree')}, **arguments)
    assert checked.data_list == plain.data_list
    assert checked.report.lines() == [] and checked.report.num_objects == 3
    assert not [record for record in log.records if record.levelno >= logging.INFO]


def test_registered():
    assert DATASETS.get('CheckedCocoDataset') is CheckedCocoDataset


def spoil(content: dict, changes) -> None:
    """Applies a change of the form ('section', index, key, value) or a function."""
    if callable(changes):
        changes(content)
    else:
        section, index, key, value = changes
        content[section][index][key] = value


@pytest.mark.parametrize(
    ('changes', 'parts'),
    [
        (lambda c: c.pop('images'), ("no list 'images'", 'COCO format')),
        (lambda c: c.pop('annotations'), ("no list 'annotations'",)),
        (lambda c: c.pop('categories'), ("no list 'categories'",)),
        (lambda c: c['images'].clear(), ("'images' is empty",)),
        (lambda c: c['categories'].clear(), ("'categories' is empty",)),
        (('images', 2, 'id', 1), ("'id' occur more than once in 'images'", '(1)', 'renumbered')),
        (('annotations', 2, 'id', 11), ("'id' occur more than once in 'annotations'", '(11)')),
        (('categories', 1, 'id', 1), ("'id' occur more than once in 'categories'", '(1)')),
        (('annotations', 2, 'image_id', 77), ("'image_id'", 'ids 13', "'images' does not list (77)", 'remove')),
        (('annotations', 1, 'category_id', 9), ("'category_id'", 'ids 12', "'categories' does not list (9)")),
        (lambda c: c['annotations'][1].pop('bbox'), ("1 entries of 'annotations'", "'bbox'", 'id 12')),
        (lambda c: c['annotations'][1].pop('area'), ("'area'", 'id 12')),
        (lambda c: c['images'][0].pop('height'), ("'height'", "'images'", 'id 1')),
        (('images', 0, 'width', 0), ("image 'photo1.jpg'", "'width'", 'whole numbers')),
        (('images', 0, 'width', '40'), ("image 'photo1.jpg'", "'40'")),
    ],
)
def test_files_that_do_not_fit_together(coco_folder, changes, parts):
    spoil(coco_folder.content, changes)
    with pytest.raises(AnnotationFileError) as caught:
        CheckedCocoDataset(**coco_folder.arguments())
    for part in (str(coco_folder.ann_file), *parts):
        assert part in str(caught.value)


def test_annotation_file_missing(coco_folder):
    arguments = coco_folder.arguments(ann_file='other.json')
    with pytest.raises(MissingDataError, match=r"other\.json' does not exist: correct 'ann_file' or 'data_root'"):
        CheckedCocoDataset(**arguments)


@pytest.mark.parametrize('text', ['{"images": [', 'not json', '[1, 2]', ''])
def test_annotation_file_broken(coco_folder, text):
    arguments = coco_folder.arguments()
    coco_folder.ann_file.write_text(text)
    with pytest.raises(AnnotationFileError, match=r"objects\.json' (is not valid JSON|has no list 'images')"):
        CheckedCocoDataset(**arguments)


def test_images_missing(coco_folder):
    coco_folder.image('photo2.jpg').unlink()
    with pytest.raises(MissingDataError) as caught:
        CheckedCocoDataset(**coco_folder.arguments())
    for part in ('1 of 3 images', 'photo2.jpg', 'objects.json', "'data_prefix'", "'file_name'"):
        assert part in str(caught.value)
    assert 'photo1.jpg' not in str(caught.value)


def test_image_folder_missing(coco_folder):
    arguments = coco_folder.arguments(data_prefix={'img': 'photos/'})
    with pytest.raises(MissingDataError, match=r"3 of 3 images .*'data_prefix' \(img='.*photos/'\)"):
        CheckedCocoDataset(**arguments)


def test_images_with_other_names_on_disk(coco_folder):
    for image in coco_folder.content['images']:
        image['file_name'] = image['file_name'].replace('photo', 'photo_gtFine_')
    arguments = coco_folder.arguments()
    with pytest.raises(MissingDataError, match='photo_gtFine_1.jpg'):
        CheckedCocoDataset(**arguments)
    dataset = CheckedCocoDataset(**arguments, image_name_sub=(r'^(photo)_gtFine_(.*)$', r'\1\2'))
    assert dataset.get_data_info(0)['img_path'] == str(coco_folder.image('photo1.jpg'))


def test_images_in_several_folders(coco_folder):
    (coco_folder.root / 'images' / 'more').mkdir()
    coco_folder.image('photo3.jpg').rename(coco_folder.image('more/photo3.jpg'))
    coco_folder.content['images'][2]['file_name'] = 'more/photo3.jpg'
    assert len(CheckedCocoDataset(**coco_folder.arguments())) == 3


BAD_ANNOTATIONS = {
    'box_outside': {'bbox': [50.0, 4.0, 10.0, 10.0]},
    'box_too_small': {'bbox': [4.0, 4.0, 0.5, 10.0]},
    'box_malformed': {'bbox': [4.0, 4.0, 10.0]},
    'box_fraction': {'bbox': [0.25, 0.25, 0.5, 0.5]},
    'no_area': {'area': 0},
    'area_negative': {'area': -1.0},
    'no_segmentation': {'segmentation': []},
    'polygon_too_short': {'segmentation': [[1.0, 1.0, 9.0, 9.0]]},
    'rle_transposed': {'segmentation': {'size': [40, 24], 'counts': [960]}},
    'rle_wrong_size': {'segmentation': {'size': [24, 41], 'counts': [984]}},
    'rle_bad_counts': {'segmentation': {'size': [24, 40], 'counts': [900]}},
}


@pytest.mark.parametrize(('reason', 'changes'), BAD_ANNOTATIONS.items())
def test_bad_annotation_is_left_out_and_named_once(coco_folder, make_square, log, reason, changes):
    coco_folder.content['annotations'].insert(1, make_square(99, **changes))
    dataset = CheckedCocoDataset(**coco_folder.arguments())
    finding = dataset.report.left_out[reason]
    assert (finding.count, finding.examples) == (1, [(99, 'photo1.jpg')])
    assert list(dataset.report.left_out) == [reason]
    assert [item['bbox_label'] for item in objects(dataset)] == [0, 1]
    messages = [record.getMessage() for record in log.records if record.levelno >= logging.INFO]
    assert len(messages) == 1
    for part in ('objects.json', '3 of 4 annotations in use', '99 (photo1.jpg)'):
        assert part in messages[0]


@pytest.mark.parametrize(('reason', 'changes'), BAD_ANNOTATIONS.items())
def test_bad_annotation_is_an_error_if_asked(coco_folder, make_square, reason, changes):
    coco_folder.content['annotations'].append(make_square(99, **changes))
    with pytest.raises(AnnotationFileError) as caught:
        CheckedCocoDataset(on_bad_annotation='error', **coco_folder.arguments())
    for part in ('objects.json', '99 (photo1.jpg)', "on_bad_annotation='skip'"):
        assert part in str(caught.value)


def test_nothing_to_learn_is_an_error(coco_folder):
    for annotation in coco_folder.content['annotations']:
        del annotation['segmentation']
    with pytest.raises(AnnotationFileError, match='left out.*\n?.*Nothing is left to learn.*with_mask=False'):
        CheckedCocoDataset(**coco_folder.arguments())
    assert len(CheckedCocoDataset(test_mode=True, **coco_folder.arguments())) == 3
    assert len(CheckedCocoDataset(with_mask=False, **coco_folder.arguments())) == 3
    coco_folder.content['annotations'] = []  # images without objects may be part of a larger data set
    assert len(CheckedCocoDataset(**coco_folder.arguments())) == 3


def test_policy_error_accepts_a_clean_file(coco_folder):
    assert len(CheckedCocoDataset(on_bad_annotation='error', **coco_folder.arguments())) == 3


def test_unknown_policy(coco_folder):
    with pytest.raises(ValueError, match="'skip' or 'error', not 'ignore'"):
        CheckedCocoDataset(on_bad_annotation='ignore', **coco_folder.arguments())


def test_only_the_first_few_are_named(coco_folder, make_square):
    coco_folder.content['annotations'] = [make_square(1), *(make_square(i, area=0) for i in range(100, 110))]
    dataset = CheckedCocoDataset(**coco_folder.arguments())
    line = dataset.report.lines()[1]
    assert dataset.report.left_out['no_area'].count == 10 and ' 10 ' in line
    assert '102 (photo1.jpg), ...' in line and '103' not in line


def test_polygons_are_repaired(coco_folder, make_square):
    good = [4.0, 4.0, 14.0, 4.0, 14.0, 14.0]
    coco_folder.content['annotations'] = [make_square(99, segmentation=[[1.0, 1.0, 2.0, 2.0], good])]
    dataset = CheckedCocoDataset(**coco_folder.arguments())
    assert objects(dataset)[0]['mask'] == [good]
    assert dataset.report.repaired['polygon_dropped'].examples == [(99, 'photo1.jpg')]
    assert not dataset.report.left_out and dataset.report.num_objects == 1


def test_box_only_file(coco_folder):
    for annotation in coco_folder.content['annotations']:
        del annotation['segmentation']
    arguments = coco_folder.arguments()
    assert CheckedCocoDataset(with_mask=False, **arguments).report.num_objects == 3
    assert CheckedCocoDataset(test_mode=True, **arguments).report.left_out['no_segmentation'].count == 3


def test_classes_chosen_by_the_user(coco_folder, make_square, log):
    coco_folder.content['annotations'].append(make_square(14, area=0))
    dataset = CheckedCocoDataset(metainfo={'classes': ('pear tree',)}, **coco_folder.arguments())
    assert dataset.metainfo['classes'] == ('pear tree',)
    assert [item['bbox_label'] for item in objects(dataset)] == [0]
    assert dataset.report.unused_categories == {'apple': 3}
    assert not dataset.report.left_out, 'annotations of unused classes are not examined'
    assert 'apple 3' in log.text and log.records[-1].levelno == logging.INFO


def test_unknown_class_names_the_nearest(coco_folder):
    with pytest.raises(AnnotationFileError, match="'peartree' .nearest: 'pear tree'.*'metainfo.classes'"):
        CheckedCocoDataset(metainfo={'classes': ('apple', 'peartree')}, **coco_folder.arguments())


def test_palette_of_the_user_stays(coco_folder):
    metainfo = {'classes': ('apple',), 'palette': [(1, 2, 3)]}
    assert CheckedCocoDataset(metainfo=metainfo, **coco_folder.arguments()).metainfo['palette'] == [(1, 2, 3)]


def test_classes_before_loading(coco_folder):
    dataset = CheckedCocoDataset(lazy_init=True, **coco_folder.arguments())
    assert dataset.metainfo['classes'] == ('apple', 'pear tree')
    assert len(dataset.metainfo['palette']) == 2


def test_classes_without_a_file_before_loading(coco_folder):
    dataset = CheckedCocoDataset(lazy_init=True, **coco_folder.arguments(ann_file='other.json'))
    assert dataset.metainfo['classes'] == CocoDataset.METAINFO['classes']


def test_subclass_keeps_its_own_classes(coco_folder):
    class Pears(CheckedCocoDataset):
        METAINFO = {'classes': ('pear tree',), 'palette': [(0, 200, 0)]}

    assert Pears(**coco_folder.arguments()).metainfo['classes'] == ('pear tree',)


def test_images_without_objects_stay_by_default(coco_folder):
    dataset = CheckedCocoDataset(**coco_folder.arguments())
    assert len(dataset) == 3 and objects(dataset, 2) == []


def test_filtered_images_are_counted(coco_folder, log):
    dataset = CheckedCocoDataset(filter_cfg={'filter_empty_gt': True}, **coco_folder.arguments())
    assert len(dataset) == 2
    ((reason, finding),) = dataset.report.filtered.items()
    assert 'filter_empty_gt' in reason and finding.examples == [(3, 'photo3.jpg')]
    assert 'filtered       1' in log.text and 'photo3.jpg' in log.text


def test_nothing_left_after_filtering(coco_folder):
    with pytest.raises(AnnotationFileError, match=r'(?s)objects\.json.*filter_cfg\.min_size.*No image is left'):
        CheckedCocoDataset(filter_cfg={'min_size': 32}, **coco_folder.arguments())


def test_crowds_and_ignored_objects(coco_folder, make_square):
    mask = np.zeros((24, 40), np.uint8)
    mask[4:14, 4:14] = 1
    text = mask_utils.encode(np.asfortranarray(mask))['counts'].decode()
    crowd = make_square(20, iscrowd=1, segmentation={'size': [24, 40], 'counts': text})
    coco_folder.content['annotations'] = [crowd, make_square(21, ignore=1)]
    dataset = CheckedCocoDataset(**coco_folder.arguments())
    assert [item['ignore_flag'] for item in objects(dataset)] == [1]
    assert dataset.report.marked_ignore == 1 and not dataset.report.has_bad_annotations


def test_test_mode_without_ground_truth(coco_folder):
    del coco_folder.content['annotations']
    assert len(CheckedCocoDataset(test_mode=True, **coco_folder.arguments())) == 3


@pytest.mark.parametrize(
    ('pack', 'classes', 'last'),
    [('coco_mini', 80, 'toothbrush'), ('coco_person_mini', 1, 'person'), ('nuclei_mini', 1, None)],
)
@pytest.mark.parametrize('split', ['train', 'val'])
def test_real_packs_load_as_in_mmdet(real_data, pack, classes, last, split):
    arguments = {
        'data_root': str(real_data(pack)),
        'ann_file': f'annotations/instances_{split}.json',
        'data_prefix': {'img': f'images/{split}/'},
        'serialize_data': False,
    }
    dataset = CheckedCocoDataset(**arguments)
    names = dataset.metainfo['classes']
    assert len(names) == len(dataset.metainfo['palette']) == classes
    assert last in (None, names[-1])
    assert dataset.data_list == CocoDataset(metainfo={'classes': names}, **arguments).data_list
    left_out = sum(finding.count for finding in dataset.report.left_out.values())
    assert dataset.report.num_objects + left_out == dataset.report.num_annotations > 0


def test_sub_pixel_boxes_of_coco_mini_are_named(real_data):
    dataset = CheckedCocoDataset(
        data_root=str(real_data('coco_mini')),
        ann_file='annotations/instances_train.json',
        data_prefix={'img': 'images/train/'},
    )
    assert {reason: finding.count for reason, finding in dataset.report.left_out.items()} == {'box_too_small': 2}


def test_uncompressed_rle_of_nuclei_mini(real_data):
    root = real_data('nuclei_mini')
    dataset = CheckedCocoDataset(
        data_root=str(root), ann_file='annotations/instances_val.json', data_prefix={'img': 'images/val/'}
    )
    content = json.loads((root / 'annotations/instances_val.json').read_text())
    load = (LoadCheckedImage(), LoadAnnotations(with_bbox=True, with_mask=True))
    for index in range(3):
        sample = dataset.get_data_info(index)
        for transform in load:
            sample = transform(sample)
        found = sample['gt_masks'].masks
        expected = [a for a in content['annotations'] if a['image_id'] == sample['img_id']]
        assert len(found) == len(expected) > 0
        assert not sample['gt_ignore_flags'].any()
        for mask, annotation in zip(found, expected, strict=True):
            counts = annotation['segmentation']['counts']
            values = np.repeat(np.arange(len(counts)) % 2, counts)
            np.testing.assert_array_equal(mask, values.reshape(mask.shape, order='F'))
