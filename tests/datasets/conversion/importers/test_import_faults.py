"""What is wrong with the files of annotation tools is one error with file, place and remedy, or is counted."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

from foreign_data import WIDTH, truth, write_cvat, write_images, write_label_studio, write_labelme, write_yolo
from mmdet_panseg.datasets.conversion.importers import (
    cvat_kind,
    is_label_studio,
    is_labelme,
    is_yolo,
    list_files,
    read_cvat,
    read_json,
    read_label_studio,
    read_labelme,
    read_yolo,
)
from mmdet_panseg.datasets.errors import AnnotationFileError, DatasetError, MissingDataError

READERS = {'.json': read_labelme, '.xml': read_cvat}


def read(root, suffix, reader):
    files = list_files(root)
    return reader(files, files.others[suffix])


def read_yolo_of(root):
    files = list_files(root)
    return read_yolo(files, files.others['.yaml'][0])


def edit_json(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def edit_text(path, *pair):
    text = path.read_text()
    assert pair[0] in text
    path.write_text(text.replace(*pair, 1))


def turn(path):
    """Give an image the EXIF mark of a camera held upright, which swaps its sides as shown."""
    with Image.open(path) as picture:
        exif = picture.getexif()
        exif[0x0112] = 6
        picture.save(path, exif=exif)


def first_shape(**values):
    return lambda content: content['shapes'][0].update(values)


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        (first_shape(label=''), r"img_0.json', shapes\[0\]: 'label' is ''"),
        (first_shape(points=[[1, 2], [3, 4]]), r'shapes\[0\] \(polygon\): 2 points, where an outline has three'),
        (first_shape(points=[[1, 2], [3], [4, 5]]), r'shapes\[0\] \(polygon\)'),
        (first_shape(points=None), r'shapes\[0\] \(polygon\)'),
        (first_shape(points=[[1, 2], [3, float('nan')], [4, 5]]), 'not finite'),
        (first_shape(shape_type='star', points=[[1, 2], [3, 4]]), 'a shape that is not known'),
        (first_shape(shape_type='mask', points=[[1, 2], [3, 4]], mask='!'), r'shapes\[0\] \(mask\)'),
        (lambda content: content.update(imagePath=7), "'imagePath' is 7"),
        (lambda content: content.update(imageWidth=99), f"'imageWidth' and 'imageHeight' are 99x48.*{WIDTH}x48"),
    ],
)
def test_faults_of_labelme(tmp_path, change, text):
    write_labelme(tmp_path, truth(2))
    edit_json(tmp_path / 'img_0.json', change)
    with pytest.raises(AnnotationFileError, match=text):
        read(tmp_path, '.json', read_labelme)


@pytest.mark.parametrize(
    ('pair', 'text'),
    [
        (('points="4.00,4.00;', 'points="x,4.00;'), r"image 'img_0.png', shape 0 \(polygon\): .*correct or remove"),
        (('label="cat"', 'name="cat"'), "shape 0.*has no attribute 'label'"),
        (('rle="', 'rle="7, '), "'rle' adds up to .* pixels, its box has 20x20"),
        (('width="64"', 'width="65"'), "'width' and 'height' are 65x48, the file is shown with 64x48"),
        (('</annotations>', ''), r"annotations.xml', line \d+: is not valid XML"),
        (('<image id="0"', '<track id="0"></track><image id="0"'), 'CVAT for video'),
    ],
)
def test_faults_of_cvat(tmp_path, pair, text):
    write_cvat(tmp_path, truth(2))
    edit_text(tmp_path / 'annotations.xml', *pair)
    with pytest.raises(AnnotationFileError, match=text):
        read(tmp_path, '.xml', read_cvat)


@pytest.mark.parametrize(
    ('line', 'text'),
    [
        ('0 .1 .1 .5 .1 .5', 'line 2: 5 coordinates, which are no pairs'),
        ('7 .1 .1 .5 .1 .5 .5', 'line 2: class 7, where names has 0 to 1'),
        ('0.5 .1 .1 .5 .1 .5 .5', 'line 2: class 0.5'),
        ('0 10 10 50 10 50 50', 'line 2: coordinates that are no fractions'),
        ('0 .1 .1 .5 .1 .5 cat', 'line 2: could not convert'),
        ('0 .1 .1', 'line 2: 1 points'),
        ('0 .1 .1 .5 .1 .5 nan', 'line 2: numbers that are not finite'),
    ],
)
def test_faults_of_yolo_name_file_and_line(tmp_path, line, text):
    write_yolo(tmp_path, {'train': truth(2)})
    path = tmp_path / 'labels' / 'train' / 'img_0.txt'
    first, _, rest = path.read_text().partition('\n')
    path.write_text(f'{first}\n{line}\n{rest}')
    with pytest.raises(AnnotationFileError, match=f"img_0.txt', {text}"):
        read_yolo_of(tmp_path)


@pytest.mark.parametrize(
    ('text', 'fault'),
    [
        ('train: images/train\nnames: [cat\nval: x\n', 'line [23]: is not valid YAML'),
        ('train: images/nowhere\nnames: [cat, dog]\n', "'train' is 'images/nowhere', but .* does not exist"),
        ('train: images/train\nnames: {1: cat, 2: dog}\n', "'names' must be"),
    ],
)
def test_faults_of_yaml(tmp_path, text, fault):
    write_yolo(tmp_path, {'train': truth(2)}, yaml_text=text)
    with pytest.raises(DatasetError, match=fault):
        read_yolo_of(tmp_path)


def test_yolo_without_labels(tmp_path):
    write_yolo(tmp_path, {'train': truth(2)})
    (tmp_path / 'labels').rename(tmp_path / 'text')
    with pytest.raises(
        MissingDataError, match=r"none of the 2 images of 'train' has a text file.*labels/train/img_0.txt"
    ):
        read_yolo_of(tmp_path)


def test_yolo_labels_without_an_image(tmp_path):
    write_yolo(tmp_path, {'train': truth(3)})
    (tmp_path / 'images' / 'train' / 'img_1.png').unlink()
    with pytest.raises(MissingDataError, match='1 text files .* have no image: labels/train/img_1.txt'):
        read_yolo_of(tmp_path)


def test_folders_of_roboflow_are_found(tmp_path):
    write_yolo(tmp_path, {'train': truth(2)}, yaml_text='train: ../images/train\nnames: [cat, dog]\nnc: 2\n')
    assert len(read_yolo_of(tmp_path).images) == 2


def test_yolo_with_one_folder_for_both_splits_has_none(tmp_path):
    write_yolo(tmp_path, {'train': truth(3)}, yaml_text='train: images/train\nval: images/train\nnames: [cat, dog]\n')
    data = read_yolo_of(tmp_path)
    assert [image.split for image in data.images] == [None] * 3
    assert "'val' is 'train', taken as without a split" in ' '.join(data.notes())


def test_lists_of_images_are_read(tmp_path):
    write_yolo(tmp_path, {'train': truth(3)}, yaml_text='train: train.txt\nnames: [cat, dog]\n')
    (tmp_path / 'train.txt').write_text('./images/train/img_0.png\n')
    data = read_yolo_of(tmp_path)
    assert [image.path.name for image in data.images] == ['img_0.png']


def region(content, **values):
    content[0]['annotations'][0]['result'][0].update(values)


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        (lambda c: region(c, image_rotation=90), 'turned by 90 degrees'),
        (lambda c: region(c, original_width=65), 'drawn on an image of 65x48 pixels, the file is shown with 64x48'),
        (
            lambda c: region(c, value=dict(polygonlabels=['cat'], points=[[0, 0]])),
            r'task 1, region r0 \(polygonlabels\)',
        ),
        (lambda c: region(c, value=dict(polygonlabels=['cat'])), r"task 1, region r0 \(polygonlabels\): 'points'"),
        (lambda c: region(c, type='brushlabels', value=dict(brushlabels=['cat'], format='png')), "'png' and not 'rle'"),
        (lambda c: c[0].update(data=dict(text='hello')), "task 1: its 'data' name no image"),
        (lambda c: c[0]['annotations'][0].update(result=None), "no list 'result'"),
    ],
)
def test_faults_of_label_studio(tmp_path, change, text):
    write_label_studio(tmp_path, truth(2))
    edit_json(tmp_path / 'project-1.json', change)
    with pytest.raises(AnnotationFileError, match=text):
        read(tmp_path, '.json', read_label_studio)


@pytest.mark.parametrize(
    ('write', 'suffix', 'reader', 'what'),
    [
        (write_labelme, '.json', read_labelme, '1 LabelMe files .* have no image .*: img_1.json'),
        (write_cvat, '.xml', read_cvat, '1 of 3 images .* are not below .*: img_1.png'),
        (write_label_studio, '.json', read_label_studio, "1 of 3 images of Label Studio's tasks .*img_1.png"),
    ],
)
def test_labels_without_images_are_named(tmp_path, write, suffix, reader, what):
    write(tmp_path, truth(3))
    next(tmp_path.rglob('img_1.png')).unlink()
    with pytest.raises(MissingDataError, match=what):
        read(tmp_path, suffix, reader)


@pytest.mark.parametrize(
    ('write', 'suffix', 'reader'),
    [
        (write_labelme, '.json', read_labelme),
        (write_cvat, '.xml', read_cvat),
        (write_label_studio, '.json', read_label_studio),
    ],
)
def test_images_without_labels_are_counted_and_left_out(tmp_path, write, suffix, reader):
    write(tmp_path, truth(3))
    write_images(next(tmp_path.rglob('img_1.png')).parent, ['more_0.png', 'more_1.png'])
    data = read(tmp_path, suffix, reader)
    assert len(data.images) == 3
    (note,) = data.notes()
    assert note.startswith('2 images') and 'left out' in note and 'more_0.png' in note


@pytest.mark.parametrize(
    ('write', 'suffix', 'reader'),
    [
        (write_labelme, '.json', read_labelme),
        (write_cvat, '.xml', read_cvat),
        (write_label_studio, '.json', read_label_studio),
    ],
)
def test_shapes_drawn_before_a_rotation_are_refused(tmp_path, write, suffix, reader):
    write(tmp_path, truth(2))
    turn(next(tmp_path.rglob('img_0.png')))
    with pytest.raises(AnnotationFileError, match='48x64'):
        read(tmp_path, suffix, reader)


def test_boxes_become_rectangles_and_are_counted(tmp_path):
    write_labelme(tmp_path, truth(2))
    edit_json(tmp_path / 'img_0.json', first_shape(shape_type='rectangle', points=[[9, 9], [3, 5]]))
    data = read(tmp_path, '.json', read_labelme)
    assert data.boxes == 1
    np.testing.assert_array_equal(data.images[0].objects[0].parts[0], [[3, 5], [9, 5], [9, 9], [3, 9]])


def test_points_and_lines_are_left_out_and_counted(tmp_path):
    write_labelme(tmp_path, truth(2))
    edit_json(tmp_path / 'img_0.json', first_shape(shape_type='linestrip', points=[[9, 9], [3, 5]]))
    data = read(tmp_path, '.json', read_labelme)
    assert [note[:8] for note in data.notes()] == ['1 points']


def test_of_several_annotations_the_last_change_counts(tmp_path):
    write_label_studio(tmp_path, truth(2))

    def add(content):
        first = content[0]['annotations'][0]
        content[0]['annotations'].append(dict(first, id=9, updated_at='2026-01-02', result=[]))
        content[0]['annotations'].append(dict(first, id=10, updated_at='2026-01-03', was_cancelled=True))
        first['updated_at'] = '2026-01-01'

    edit_json(tmp_path / 'project-1.json', add)
    data = read(tmp_path, '.json', read_label_studio)
    assert data.images[0].objects == []
    assert [finding.count for finding in data.findings.values()] == [1]


def test_regions_with_labels_of_their_own_tag(tmp_path):
    """Brush and polygon tools beside a list of labels give two results with one id."""
    write_label_studio(tmp_path, truth(2))

    def split(content):
        for item in list(content[0]['annotations'][0]['result']):
            kind = item['type']
            names = item['value'].pop(kind)
            content[0]['annotations'][0]['result'].append(
                dict(item, type='labels', value=dict(item['value'], labels=names))
            )
            item['type'] = kind.removesuffix('labels')

    before = read(tmp_path, '.json', read_label_studio).images[0].objects
    edit_json(tmp_path / 'project-1.json', split)
    data = read(tmp_path, '.json', read_label_studio)
    assert [item.label for item in data.images[0].objects] == [item.label for item in before]
    assert not data.findings


def test_images_of_one_name_in_two_folders_are_told_apart_or_refused(tmp_path):
    write_images(tmp_path / 'a', ['x.png'])
    write_images(tmp_path / 'b', ['x.png'])
    files = list_files(tmp_path)
    assert files.find_image('/somewhere/else/b/x.png') == tmp_path / 'b' / 'x.png'
    assert files.find_image('x.png', near=tmp_path / 'a') == tmp_path / 'a' / 'x.png'
    assert files.find_image('y.png') is None
    with pytest.raises(AnnotationFileError, match=r"Image 'x.png' may be 2 files .*a/x.png, b/x.png"):
        files.find_image('x.png')


@pytest.mark.parametrize('content', ['{"shapes": [', '{"a": 1,\n"b": }', '\xff'])
def test_broken_json_is_named_with_its_line(tmp_path, content):
    path = tmp_path / 'x.json'
    path.write_bytes(content.encode('latin-1'))
    with pytest.raises(AnnotationFileError, match=re.escape(str(path))):
        read_json(path)


def test_formats_are_not_mistaken(tmp_path):
    write_labelme(tmp_path / 'a', truth(2))
    write_label_studio(tmp_path / 'b', truth(2))
    labelme, studio = read_json(tmp_path / 'a' / 'img_0.json'), read_json(tmp_path / 'b' / 'project-1.json')
    assert is_labelme(labelme) and not is_labelme(studio)
    assert is_label_studio(studio) and not is_label_studio(labelme)
    (tmp_path / 'voc.xml').write_text('<annotation><object><name>cat</name></object></annotation>')
    assert cvat_kind(tmp_path / 'voc.xml') is None
    (tmp_path / 'other.yaml').write_text('names: [a]\n')
    assert not is_yolo(tmp_path / 'other.yaml')


def test_empty_and_missing_folders(tmp_path):
    with pytest.raises(MissingDataError, match='is empty'):
        list_files(tmp_path)
    with pytest.raises(MissingDataError, match='does not exist'):
        list_files(tmp_path / 'nowhere')
    (tmp_path / 'x.zip').write_bytes(b'PK')
    with pytest.raises(MissingDataError, match='unpack'):
        list_files(tmp_path / 'x.zip')
