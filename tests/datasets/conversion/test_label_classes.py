from __future__ import annotations

import json

import pytest

from mmdet_panseg.datasets.conversion import ClassList, choose_label_classes, read_class_list
from mmdet_panseg.datasets.errors import AnnotationFileError, MissingDataError

NAMES = ('sky', 'car', 'road', 'person')


def test_things_come_first_in_the_order_of_their_values():
    classes = choose_label_classes(ClassList(NAMES), ['person', 'car'], {255})
    assert [(item.name, item.value, item.is_thing) for item in classes] == [
        ('car', 1, True),
        ('person', 3, True),
        ('sky', 0, False),
        ('road', 2, False),
    ]
    assert len({item.colour for item in classes}) == 4


def test_classes_whose_value_is_void_are_left_out_and_colours_stay_with_their_names():
    palette = ((1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 4))
    classes = choose_label_classes(ClassList(NAMES, palette), ['car'], {0, 255})
    assert [(item.name, item.colour) for item in classes] == [
        ('car', (2, 2, 2)),
        ('road', (3, 3, 3)),
        ('person', (4, 4, 4)),
    ]
    # A name may be repeated or empty where it is not used.
    assert len(choose_label_classes(ClassList(('void', '', 'void', 'a')), ['a'], {0, 1})) == 2


@pytest.mark.parametrize(
    'names, things, void, text',
    [
        (('car', 'sky', 'car'), [], {255}, "used twice: 'car'"),
        (('car', ''), [], {255}, 'value 1 has no name'),
        (NAMES, ['cat'], {255}, 'cat: no such class'),
        (NAMES, ['sky'], {0}, 'sky: no such class'),
        (NAMES, [], {0, 1, 2, 3}, '0 classes'),
        (tuple(map(str, range(256))), [], {999}, '256 classes'),
    ],
)
def test_bad_choices_are_named(names, things, void, text):
    with pytest.raises(AnnotationFileError, match=text):
        choose_label_classes(ClassList(names), things, void)


def test_as_many_classes_as_there_are_labels():
    assert len(choose_label_classes(ClassList(tuple(map(str, range(255)))), ['7'], {255})) == 255


def test_class_files_are_read(tmp_path):
    text, names, full = (tmp_path / name for name in ('a.txt', 'b.json', 'c.json'))
    text.write_text('sky\ncar \n\nperson\n\n')
    assert read_class_list(text) == ClassList(('sky', 'car', '', 'person'))
    names.write_text(json.dumps(NAMES))
    assert read_class_list(names) == ClassList(NAMES)
    full.write_text(json.dumps(dict(classes=['a', 'b'], palette=[[0, 0, 0], [255, 1, 2]], ignore_index=7, more=1)))
    assert read_class_list(full) == ClassList(('a', 'b'), ((0, 0, 0), (255, 1, 2)), 7)


@pytest.mark.parametrize(
    'content, text',
    [
        ('{"classes": ', 'not valid JSON'),
        ('{"names": ["a"]}', "such a list 'classes'"),
        ('["a", 3]', "such a list 'classes'"),
        ('{"classes": ["a"], "palette": [[1, 2]]}', 'must hold 1 colours'),
        ('{"classes": ["a"], "palette": [[1, 2, 256]]}', 'must hold 1 colours'),
        ('{"classes": ["a", "b"], "palette": [[1, 2, 3]]}', 'must hold 2 colours'),
        ('{"classes": ["a"], "ignore_index": "x"}', "'ignore_index' must be a whole number"),
    ],
)
def test_bad_class_files_are_named(tmp_path, content, text):
    path = tmp_path / 'classes.json'
    path.write_text(content)
    with pytest.raises(AnnotationFileError, match=text) as caught:
        read_class_list(path)
    assert str(path) in str(caught.value)


def test_missing_and_binary_class_files_are_named(tmp_path):
    with pytest.raises(MissingDataError, match='absent.txt'):
        read_class_list(tmp_path / 'absent.txt')
    (tmp_path / 'binary.txt').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(AnnotationFileError, match='UTF-8'):
        read_class_list(tmp_path / 'binary.txt')
