"""What the data set says at the start when little can be learnt from its files."""

from __future__ import annotations

import logging
import os

import cv2
import numpy as np
import pytest
from mmengine.logging import MMLogger

from mmdet_panseg.datasets import AnnotationFileError, CheckedCocoDataset, DatasetError, MissingDataError

WIDTH, HEIGHT = 40, 24


@pytest.fixture
def warnings(request, caplog):
    """Warnings of what follows."""
    MMLogger.get_instance(request.node.name[:60]).addHandler(caplog.handler)

    def said() -> list[str]:
        return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]

    return said


def box_of(polygon):
    x, y = polygon[::2], polygon[1::2]
    return [min(x), min(y), max(x) - min(x), max(y) - min(y)]


TALL = [4.0, 2.0, 12.0, 2.0, 12.0, 22.0, 4.0, 22.0]


@pytest.mark.parametrize(
    ('polygon', 'words'),
    [
        ([value / 40 for value in TALL], 'from 0 to 1: multiply'),
        ([4 * value for value in TALL], "another place or size than 'bbox'"),
        ([value for x, y in zip(TALL[::2], TALL[1::2], strict=True) for value in (y, x)], 'x and y swapped'),
        ([4.0, 2.0, 12.0, 2.0, 8.0, 2.0], 'a line or a point'),
        ([0.0, 0.0, 12.0, 0.0, 12.0, 22.0, 4.0, 22.0], None),
    ],
)
@pytest.mark.parametrize('test_mode', [False, True])
def test_polygons_that_are_not_where_their_boxes_are(coco_folder, warnings, polygon, words, test_mode):
    for annotation in coco_folder.content['annotations'][:2]:
        annotation.update(bbox=box_of(TALL), segmentation=[polygon])
    CheckedCocoDataset(**coco_folder.arguments(test_mode=test_mode))
    if words is None:
        assert not warnings()
        return
    (said,) = warnings()
    assert words in said and 'objects.json: 2 of 3 annotations in use are doubtful' in said
    assert '11 (photo1.jpg), 12 (photo1.jpg)' in said


def rle(mask, order='F'):
    runs = np.flatnonzero(np.diff(np.concatenate([[2], np.ravel(mask, order), [2]])))
    counts = np.diff(runs).tolist()
    return dict(size=list(mask.shape), counts=counts if not np.ravel(mask, order)[0] else [0, *counts])


@pytest.mark.parametrize(
    ('order', 'box', 'words'),
    [
        ('F', [4.0, 2.0, 8.0, 20.0], None),
        ('F', [4.0, 2.0, 12.0, 22.0], 'write [left, top, width, height]'),
        ('F', [20.0, 10.0, 8.0, 8.0], "elsewhere than 'bbox'"),
        ('C', [4.0, 2.0, 8.0, 20.0], 'runs of an RLE go down the columns'),
    ],
)
def test_masks_that_are_not_where_their_boxes_are(coco_folder, warnings, order, box, words):
    mask = np.zeros((40, 40), np.uint8)
    mask[2:22, 4:12] = 1
    for image in coco_folder.content['images']:
        image.update(width=40, height=40)
        cv2.imwrite(str(coco_folder.root / 'images' / image['file_name']), np.zeros((40, 40, 3), np.uint8))
    coco_folder.content['annotations'][0].update(bbox=box, segmentation=rle(mask, order))
    CheckedCocoDataset(**coco_folder.arguments(test_mode=False))
    said = [text for text in warnings() if 'doubtful' in text]
    assert [words in text for text in said] == [True] * (words is not None)


def test_objects_that_are_there_twice(coco_folder, warnings):
    first = coco_folder.content['annotations'][0]
    coco_folder.content['annotations'].append(dict(first, id=99))
    CheckedCocoDataset(**coco_folder.arguments())
    (said,) = warnings()
    assert "1 of 4 annotations in use are doubtful: another one has the same image, category and 'bbox'" in said


def test_boxes_of_corners(coco_folder, warnings):
    for annotation in coco_folder.content['annotations'][:2]:
        annotation.update(bbox=[4.0, 2.0, 12.0, 22.0], segmentation=[TALL])
    CheckedCocoDataset(**coco_folder.arguments())
    (said,) = warnings()
    assert 'write [left, top, width, height]' in said


@pytest.mark.parametrize(
    'change',
    [
        dict(bbox=[2.0, 2.0, 16.0, 16.0]),  # a loose box
        dict(segmentation=[[4.0, 4.0, 14.0, 4.0, 9.0, 4.5], [9.0, 4.0, 14.0, 14.0, 4.0, 14.0]]),
        dict(bbox=[0.2, 0.2, 1.0, 1.0], area=1.0, segmentation=[[0.2, 0.2, 1.0, 0.2, 1.0, 1.0]]),
    ],
)
def test_polygons_beyond_doubt(coco_folder, warnings, change):
    coco_folder.content['annotations'][0].update(change)
    CheckedCocoDataset(**coco_folder.arguments())
    assert not warnings()


@pytest.mark.parametrize('far', [2.1e8, 1e10, -1e10, 401.0])
def test_coordinates_that_no_image_can_have(coco_folder, far):
    coco_folder.content['annotations'][0]['segmentation'] = [[4.0, 4.0, far, 4.0, 14.0, 14.0]]
    dataset = CheckedCocoDataset(**coco_folder.arguments())
    assert dataset.report.left_out['polygon_far'].count == 1 and dataset.report.num_objects == 2


def test_all_crowds(coco_folder, warnings):
    for annotation in coco_folder.content['annotations']:
        annotation['iscrowd'] = 1
    CheckedCocoDataset(**coco_folder.arguments())
    (said,) = warnings()
    assert 'all 3 annotations in use are crowds (iscrowd=1)' in said


def test_some_crowds(coco_folder, warnings):
    coco_folder.content['annotations'][0]['iscrowd'] = 1
    CheckedCocoDataset(**coco_folder.arguments())
    assert not warnings()


def test_no_annotations(coco_folder, warnings):
    coco_folder.content['annotations'] = []
    CheckedCocoDataset(**coco_folder.arguments())
    (said,) = warnings()
    assert "objects.json: the list 'annotations' is empty" in said


def write_sizes(coco_folder, sizes):
    for image, (width, height) in zip(coco_folder.content['images'], sizes, strict=True):
        cv2.imwrite(str(coco_folder.image(image['file_name'])), np.zeros((height, width, 3), np.uint8))


def test_some_files_of_another_size(coco_folder, warnings):
    write_sizes(coco_folder, [(WIDTH, HEIGHT), (HEIGHT, WIDTH), (WIDTH, HEIGHT)])
    CheckedCocoDataset(**coco_folder.arguments())
    (said,) = warnings()
    assert '1 of 3 images looked at' in said and "40x24 of 'photo2.jpg', which has 24x40 (swapped)" in said
    with pytest.raises(AnnotationFileError, match=r'1 of 3 .*photo2\.jpg'):
        CheckedCocoDataset(test_mode=True, **coco_folder.arguments())


def test_all_files_of_another_size(coco_folder):
    write_sizes(coco_folder, [(80, 48)] * 3)
    with pytest.raises(AnnotationFileError, match='3 of 3 images looked at'):
        CheckedCocoDataset(**coco_folder.arguments())


@pytest.mark.parametrize('what', ['dangling link', 'link to itself', 'folder', 'pipe'])
def test_what_is_no_image_file(coco_folder, what):
    path = coco_folder.image('photo2.jpg')
    path.unlink()
    if what == 'folder':
        path.mkdir()
    elif what == 'pipe':
        os.mkfifo(path)
    else:
        path.symlink_to('/nowhere' if what == 'dangling link' else path.name)
    with pytest.raises(MissingDataError, match=r'1 of 3 images .*do not exist as files: .*photo2\.jpg'):
        CheckedCocoDataset(**coco_folder.arguments())


@pytest.mark.parametrize(
    ('there', 'written', 'hint'),
    [
        ('photo2.jpg', 'Photo2.JPG', r"'photo2.jpg' is there: mind capitals and accents"),
        ('cafe\u0301.jpg', 'caf\u00e9.jpg', r"'cafe\\u0301.jpg' is there"),
        ('photo2.jpg', 'C:\\data\\photo2.jpg', "The names have backslashes: write '/'"),
        ('photo2.jpg', 'photo9.jpg', r'add the files\.$'),
    ],
)
def test_names_of_another_form(coco_folder, there, written, hint):
    coco_folder.image('photo2.jpg').rename(coco_folder.image(there))
    coco_folder.content['images'][1]['file_name'] = written
    with pytest.raises(MissingDataError, match=hint):
        CheckedCocoDataset(**coco_folder.arguments())


def test_a_folder_is_no_annotation_file(coco_folder):
    with pytest.raises(MissingDataError, match=r"Annotation file '.*images' is a folder"):
        CheckedCocoDataset(**{**coco_folder.arguments(), 'ann_file': 'images'})


def test_links_to_images_are_images(coco_folder):
    path = coco_folder.image('photo2.jpg')
    path.unlink()
    path.symlink_to('photo1.jpg')
    assert len(CheckedCocoDataset(**coco_folder.arguments())) == 3


def test_instance_files_may_have_more_classes_than_a_map_holds(coco_folder):
    coco_folder.content['categories'] += [dict(id=1000 + k, name=f'class {k}') for k in range(1201)]
    dataset = CheckedCocoDataset(**coco_folder.arguments())
    assert len(dataset.metainfo['classes']) == 1203
    (coco_folder.root / 'maps').mkdir()
    prefix = dict(img='images/', seg='maps/')
    with pytest.raises(AnnotationFileError, match='at most 255'):
        CheckedCocoDataset(**coco_folder.arguments(data_prefix=prefix))


def test_pickles_of_proposals_are_refused(coco_folder):
    with pytest.raises(DatasetError, match='proposal_file'):
        CheckedCocoDataset(proposal_file='proposals.pkl', **coco_folder.arguments())
