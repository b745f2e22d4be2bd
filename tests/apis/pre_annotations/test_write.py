"""Predictions written in each format and read back."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from PIL import Image
from pycocotools import mask as mask_utils
from pycocotools.coco import COCO

from mmdet_panseg.apis.pre_annotations import FORMATS, write_pre_annotations
from mmdet_panseg.apis.pre_annotations.label_studio_rle import brush_rle
from mmdet_panseg.datasets import CheckedCocoDataset
from mmdet_panseg.engine import ConfigError
from prediction_cases import CLASSES, predictions, random_predictions

POLYGON_IOU = 0.93


def coco_masks(folder):
    """Masks and labels by image, read by pycocotools."""
    coco = COCO(folder / 'instances.json')
    names = {category['id']: category['name'] for category in coco.dataset['categories']}
    return {
        image['file_name']: [
            (names[record['category_id']], coco.annToMask(record).astype(bool), record['score'])
            for record in coco.imgToAnns[image['id']]
        ]
        for image in coco.dataset['images']
    }


def decoded_brush(rle, height, width):
    """Label Studio's own decoding (that of the package rle-pack), bit by bit; the mask is the alpha channel."""
    bits = ''.join(f'{byte:08b}' for byte in rle)
    place = 0

    def read(number):
        nonlocal place
        place += number
        return int(bits[place - number : place], 2)

    total, word = read(32), read(5) + 1
    sizes = [read(4) + 1 for _ in range(4)]
    values = []
    while len(values) < total:
        repeats, length = read(1), read(sizes[read(2)]) + 1
        values += [read(word)] * length if repeats else [read(word) for _ in range(length)]
    assert len(values) == total and len(bits) - place < 8
    return np.reshape(values, (height, width, 4))[..., 3] > 0


def polygon_mask(points, height, width):
    ring = np.asarray(points, dtype=float).flatten().tolist()
    return mask_utils.decode(mask_utils.frPyObjects([ring], height, width))[..., 0].astype(bool)


def label_studio_masks(folder):
    interface = ElementTree.parse(folder / 'label_config.xml').getroot()
    image_tag, labels_tag = interface
    known = [label.get('value') for label in labels_tag]
    read = {}
    for task in json.loads((folder / 'label_studio.json').read_text()):
        (found,) = task['predictions']
        objects = read[task['data']['image']] = []
        assert found['model_version'] == 'run 7'
        for region in found['result']:
            kind = region['type']
            assert (region['from_name'], region['to_name']) == (labels_tag.get('name'), image_tag.get('name'))
            assert kind == labels_tag.tag.lower() and region['image_rotation'] == 0
            (name,) = region['value'][kind]
            assert name in known
            height, width = region['original_height'], region['original_width']
            if kind == 'brushlabels':
                mask = decoded_brush(region['value']['rle'], height, width)
            else:
                mask = polygon_mask(np.array(region['value']['points']) / 100 * [width, height], height, width)
            objects.append((name, mask, region.get('score')))
        scores = [score for _, _, score in objects if score is not None]
        assert found['score'] == (pytest.approx(np.mean(scores), abs=1e-3) if scores else None)
        assert len({region['id'] for region in found['result']}) == len(objects)
    return read


def cvat_masks(folder):
    """As CVAT reads it: runs row by row within the box, which they fill exactly."""
    root = ElementTree.parse(folder / 'cvat.xml').getroot()
    assert root.findtext('version') == '1.1'
    names = [label.findtext('name') for label in root.find('meta/task/labels')]
    assert names == [label['name'] for label in json.loads((folder / 'cvat_labels.json').read_text())]
    read = {}
    for image in root.findall('image'):
        height, width = int(image.get('height')), int(image.get('width'))
        objects, groups = [], {}
        for shape in image:
            assert shape.get('label') in names
            mask = np.zeros((height, width), bool)
            if shape.tag == 'mask':
                left, top, w, h = (int(shape.get(key)) for key in ('left', 'top', 'width', 'height'))
                runs = [int(run) for run in shape.get('rle').split(',')]
                assert sum(runs) == w * h and all(run > 0 for run in runs[1:])
                values = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(h, w)
                assert values.any(axis=1)[[0, -1]].all() and values.any(axis=0)[[0, -1]].all()
                mask[top : top + h, left : left + w] = values
            else:
                points = [point.split(',') for point in shape.get('points').split(';')]
                mask = polygon_mask(points, height, width)
                group = shape.get('group_id')
                if group in groups:
                    groups[group][1][:] |= mask
                    continue
            objects.append((shape.get('label'), mask, None))
            if shape.get('group_id'):
                groups[shape.get('group_id')] = objects[-1]
        read[image.get('name')] = objects
    return read


def yolo_masks(folder, sizes):
    data = yaml.safe_load((folder / 'data.yaml').read_text())
    assert data['train'] == data['val'] == 'images' and 'path' not in data
    read = {}
    for file in sorted((folder / 'labels').rglob('*.txt')):
        name = file.relative_to(folder / 'labels').with_suffix('').as_posix()
        height, width = sizes[name]
        read[name] = []
        for line in file.read_text().splitlines():
            label, *corners = line.split()
            points = np.array(corners, float).reshape(-1, 2)
            assert (points >= 0).all() and (points <= 1).all()
            read[name].append((data['names'][int(label)], polygon_mask(points * [width, height], height, width), None))
    return read


def expected(found, with_stuff=False):
    """Name, mask and score of what each image should have."""
    objects = list(zip(found.class_names(), found.mask_arrays(), found.scores, strict=True))
    stuff = [
        (found.classes.names[info['category_id']], found.panoptic_map == info['id'], None)
        for info in found.segments_info or ()
        if with_stuff and not info['isthing']
    ]
    return objects, stuff


def require_equal(read, wanted, iou=1.0):
    assert [name for name, _, _ in read] == [name for name, _, _ in wanted]
    for (_, mask, score), (_, truth, true_score) in zip(read, wanted, strict=True):
        assert (mask & truth).sum() >= iou * (mask | truth).sum()
        if score is not None:
            assert score == pytest.approx(true_score, abs=1e-3)


@pytest.mark.parametrize('shapes, iou', [('masks', 1), ('polygons', POLYGON_IOU)])
def test_coco_is_read_back(tmp_path, shapes, iou):
    made = predictions()
    written = write_pre_annotations(iter(made), tmp_path, 'coco', shapes=shapes)
    assert (written.images, written.objects) == (3, 5)
    read = coco_masks(tmp_path)
    assert list(read) == [found.name for found in made]
    for found in made:
        require_equal(read[found.name], expected(found)[0], iou)


def test_categories_have_the_ids_of_the_training_data(tmp_path):
    made = [replace(found, classes=replace(CLASSES, category_ids=(7, 90, 91, 200))) for found in predictions()]
    write_pre_annotations(made, tmp_path, 'coco')
    content = json.loads((tmp_path / 'instances.json').read_text())
    assert {category['id']: category['name'] for category in content['categories']} == {
        7: CLASSES.names[0],
        90: CLASSES.names[1],
    }
    labels = [label for found in made for label in found.labels]
    assert [part['category_id'] for part in content['annotations']] == [(7, 90)[label] for label in labels]


def test_the_data_set_takes_the_coco_file(tmp_path):
    made = predictions()
    for found in made:
        (tmp_path / 'images' / found.name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((*found.size, 3), np.uint8)).save(tmp_path / 'images' / found.name)
    write_pre_annotations(made, tmp_path, 'coco')
    dataset = CheckedCocoDataset(
        ann_file=str(tmp_path / 'instances.json'), data_prefix=dict(img=str(tmp_path / 'images')), test_mode=True
    )
    assert dataset.metainfo['classes'] == CLASSES.names[:2]
    labels = [[item['bbox_label'] for item in dataset.get_data_info(place)['instances']] for place in range(3)]
    assert labels == [found.labels.tolist() for found in made]


@pytest.mark.parametrize('panoptic', [False, True])
@pytest.mark.parametrize('shapes, iou', [('masks', 1), ('polygons', POLYGON_IOU)])
def test_label_studio_is_read_back(tmp_path, shapes, iou, panoptic):
    made = predictions(panoptic)
    (tmp_path / 'my photos').mkdir()
    write_pre_annotations(made, tmp_path, 'label-studio', tmp_path / 'my photos', shapes=shapes, model_version='run 7')
    read = label_studio_masks(tmp_path)
    assert list(read)[:2] == [
        '/data/local-files/?d=my%20photos/a/b%20c.jpg',
        '/data/local-files/?d=my%20photos/nothing.jpg',
    ]
    for objects, found in zip(read.values(), made, strict=True):
        things, stuff = expected(found, with_stuff=True)
        require_equal(objects, things + stuff, iou)


@pytest.mark.parametrize('root, url', [('s3://bucket/x/', 's3://bucket/x/0.jpg'), (None, '/data/local-files/?d=0.jpg')])
def test_label_studio_finds_images_elsewhere(tmp_path, root, url):
    write_pre_annotations(random_predictions(0, 1), tmp_path, 'label-studio', root)
    (task,) = json.loads((tmp_path / 'label_studio.json').read_text())
    assert task['data']['image'] == url


@pytest.mark.parametrize('size', [(1, 1), (3, 5), (300, 260)])
@pytest.mark.parametrize('share', [0.0, 0.02, 0.5, 1.0])
def test_brush_rle_is_what_label_studio_decodes(size, share):
    # 300×260 has runs longer than 2¹⁶ values, which no length holds.
    mask = np.random.default_rng(0).random(size) < share
    assert np.array_equal(decoded_brush(brush_rle(mask), *size), mask)


@pytest.mark.parametrize('panoptic', [False, True])
@pytest.mark.parametrize('shapes, iou', [('masks', 1), ('polygons', POLYGON_IOU)])
def test_cvat_is_read_back(tmp_path, shapes, iou, panoptic):
    made = predictions(panoptic)
    write_pre_annotations(made, tmp_path, 'cvat', shapes=shapes)
    read = cvat_masks(tmp_path)
    assert list(read) == [found.name for found in made]
    for found in made:
        things, stuff = expected(found, with_stuff=True)
        require_equal(read[found.name], stuff + things, iou)


def test_yolo_is_read_back(tmp_path):
    made = predictions(panoptic=True)
    for found in made:
        (tmp_path / 'photos' / found.name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / 'photos' / found.name).write_bytes(found.name.encode())
    write_pre_annotations(made, tmp_path / 'out', 'yolo', tmp_path / 'photos')
    # YOLO resolves the folder and looks for labels beside it.
    folder = (tmp_path / 'out/images').resolve()
    assert folder == tmp_path / 'out/images'
    assert all((folder / found.name).read_bytes() == found.name.encode() for found in made)
    read = yolo_masks(tmp_path / 'out', {found.name.rsplit('.')[0]: found.size for found in made})
    assert len(read) == 3
    for found in made:
        require_equal(read[found.name.rsplit('.')[0]], expected(found)[0], POLYGON_IOU)


@pytest.mark.parametrize('seed', range(3))
def test_masks_of_noise_come_back(tmp_path, seed):
    made = random_predictions(seed)
    for name in ('coco', 'cvat', 'label-studio'):
        write_pre_annotations(made, tmp_path, name, model_version='run 7')
    studio = label_studio_masks(tmp_path)
    for found in made:
        wanted = expected(found)[0]
        require_equal(coco_masks(tmp_path)[found.name], wanted)
        require_equal(cvat_masks(tmp_path)[found.name], wanted)
        require_equal(studio[f'/data/local-files/?d={found.name}'], wanted)


def interrupted():
    yield from predictions(panoptic=True)[:2]
    raise KeyboardInterrupt


@pytest.mark.parametrize('name', FORMATS)
def test_an_interruption_keeps_what_was_there(tmp_path, name):
    with pytest.raises(KeyboardInterrupt):
        write_pre_annotations(interrupted(), tmp_path, name)
    assert not list(tmp_path.rglob('*.unfinished'))
    if name == 'coco':
        assert list(coco_masks(tmp_path)) == ['a/b c.jpg', 'nothing.jpg']
    elif name == 'label-studio':
        assert len(json.loads((tmp_path / 'label_studio.json').read_text())) == 2
    elif name == 'cvat':
        assert list(cvat_masks(tmp_path)) == ['a/b c.jpg', 'nothing.jpg']
    else:
        assert len(list((tmp_path / 'labels').rglob('*.txt'))) == 2


@pytest.mark.parametrize('name', FORMATS)
def test_files_are_not_written_over_unasked(tmp_path, name):
    made = predictions(panoptic=True)
    write_pre_annotations(made, tmp_path, name)
    before = {path: path.read_bytes() for path in tmp_path.rglob('*') if path.is_file()}
    untouched = iter(made)
    with pytest.raises(ConfigError, match='exists already.*--overwrite'):
        write_pre_annotations(untouched, tmp_path, name)
    assert next(untouched) is made[0]
    assert {path: path.read_bytes() for path in tmp_path.rglob('*') if path.is_file()} == before
    assert write_pre_annotations(made[:1], tmp_path, name, overwrite=True).images == 1


def test_an_overwritten_yolo_folder_has_no_old_files(tmp_path):
    write_pre_annotations(predictions(), tmp_path, 'yolo')
    write_pre_annotations(predictions()[1:2], tmp_path, 'yolo', overwrite=True)
    assert [path.name for path in (tmp_path / 'labels').rglob('*.txt')] == ['nothing.txt']


def test_labels_of_others_are_never_replaced(tmp_path):
    (tmp_path / 'labels').mkdir()
    (tmp_path / 'labels/mine.txt').write_text('0 0 0 1 0 1 1\n')
    for _ in range(2):
        with pytest.raises(ConfigError, match='no prediction of ours'):
            write_pre_annotations(predictions(), tmp_path, 'yolo', overwrite=True)
        (tmp_path / 'data.yaml').write_text('train: images\nnames: [a]\n')
    assert (tmp_path / 'labels/mine.txt').exists()


def test_two_images_of_one_yolo_file_are_an_error(tmp_path):
    made = random_predictions(1, 1) + random_predictions(2, 1)
    with pytest.raises(ConfigError, match=r'0\.jpg and 0\.jpg.*labels/0\.txt.*rename'):
        write_pre_annotations(made, tmp_path, 'yolo')


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(format='voc'), 'voc: unknown; choose one of coco, label-studio, cvat, yolo'),
        (dict(format='yolo', shapes='masks'), 'yolo has polygons, not .masks'),
    ],
)
def test_what_cannot_be_written_is_an_error(tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        write_pre_annotations(predictions(), tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_no_predictions_are_an_error(tmp_path):
    with pytest.raises(ConfigError, match='no prediction'):
        write_pre_annotations([], tmp_path, 'coco')
    assert not list(tmp_path.iterdir())
