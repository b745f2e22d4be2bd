from __future__ import annotations

import pytest
from mmdet.datasets import CocoDataset

from mmdet_panseg.datasets.coco.annotation_file import check_categories
from mmdet_panseg.datasets.coco.class_selection import choose_classes, choose_palette, names_as_texts
from mmdet_panseg.datasets.errors import AnnotationFileError

CATEGORIES = [{'id': 7, 'name': 'Apple'}, {'id': 2, 'name': 'pear'}, {'id': 3, 'name': 'plum'}]


def test_all_classes_in_file_order():
    assert choose_classes(CATEGORIES, None, 'a.json') == ('Apple', 'pear', 'plum')


def test_chosen_classes():
    assert choose_classes(CATEGORIES, ['Apple', 'plum'], 'a.json') == ('Apple', 'plum')


@pytest.mark.parametrize(
    ('wanted', 'parts'),
    [
        (('apple', 'pear'), ("'apple' (nearest: 'Apple')", 'a.json', 'metainfo.classes', 'Apple, pear, plum')),
        (('zebra',), ("'zebra'", 'a.json', 'metainfo.classes')),
        ('pear', ("'pear'", "classes=('pear',)")),
        (('pear', 'Apple'), ('another order', "classes=('Apple', 'pear')", 'a.json')),
        (('pear', 'pear'), ('metainfo.classes', "'pear' twice")),
    ],
)
def test_refused(wanted, parts):
    with pytest.raises(AnnotationFileError) as caught:
        choose_classes(CATEGORIES, wanted, 'a.json')
    for part in parts:
        assert part in str(caught.value)


def test_name_twice_in_the_file():
    with pytest.raises(AnnotationFileError, match="'categories' of 'a.json' lists 'pear' twice"):
        choose_classes([*CATEGORIES, {'id': 9, 'name': 'pear'}], None, 'a.json')


def test_names_that_are_numbers_are_texts():
    categories = [{'id': 7, 'name': 1}, {'id': 8, 'name': '2'}]
    check_categories(categories, 'a.json')
    metainfo = names_as_texts({'classes': (1, 2), 'thing_classes': [1], 'palette': [(0, 0, 0)] * 2})
    assert metainfo == {'classes': ('1', '2'), 'thing_classes': ('1',), 'palette': [(0, 0, 0)] * 2}
    assert choose_classes(categories, metainfo['classes'], 'a.json') == ('1', '2')
    for name in (None, True, ['pear']):
        with pytest.raises(AnnotationFileError, match="'name' of category 7 is .*; write a text"):
            check_categories([{'id': 7, 'name': name}], 'a.json')


def test_palette_follows_coco_names():
    assert choose_palette(('bicycle', 'person')) == [
        CocoDataset.METAINFO['palette'][1],
        CocoDataset.METAINFO['palette'][0],
    ]


@pytest.mark.parametrize('color', [[255, 128, 0], [255, 128, 0, 7], '#ff8000', 'ff8000', '#ff8000cc'])
def test_colours_of_the_file(color):
    categories = [dict(CATEGORIES[0], color=color), dict(CATEGORIES[1], color=[1, 2, 3])]
    assert choose_palette(('Apple', 'pear'), categories) == [(255, 128, 0), (1, 2, 3)]


@pytest.mark.parametrize('color', [255, [300, -5, 7], [1, 2], 'red', '#f80', '', [1.5, 2, 3], None])
def test_colours_that_are_none_give_way(color):
    categories = [dict(CATEGORIES[0], color=color), dict(CATEGORIES[1], color=[1, 2, 3])]
    assert choose_palette(('Apple', 'pear'), categories) == choose_palette(('Apple', 'pear'))


def test_palette_of_other_names():
    colours = choose_palette([f'class {i}' for i in range(120)])
    assert len(colours) == 120 and len(set(colours)) > 100
    assert all(isinstance(part, int) and 0 <= part <= 255 for colour in colours for part in colour)
