"""Files of the same classes are joined by their names."""

from __future__ import annotations

import copy
import json

import pytest
from mmengine.config import Config

from mmdet_panseg.datasets import AnnotationFileError, CheckedCocoDataset, CheckedConcatDataset
from mmdet_panseg.engine import derive_settings


def parts(coco_folder, change):
    """The folder's file, and a changed copy beside it."""
    first = CheckedCocoDataset(pipeline=[], **coco_folder.arguments())
    content = copy.deepcopy(coco_folder.content)
    change(content)
    (coco_folder.root / 'more.json').write_text(json.dumps(content))
    arguments = dict(coco_folder.arguments(), ann_file='more.json')
    return [first, CheckedCocoDataset(pipeline=[], **arguments)]


def other_ids(content):
    for entry in content['categories']:
        entry['id'] += 10
    for annotation in content['annotations']:
        annotation['category_id'] += 10


def other_colours(content):
    for place, entry in enumerate(content['categories']):
        entry['color'] = [10, 20, place]


@pytest.mark.parametrize('change', [other_ids, other_colours, lambda content: None])
def test_ids_and_colours_may_differ(coco_folder, change):
    joined = CheckedConcatDataset(parts(coco_folder, change))
    assert len(joined) == 6 and joined.metainfo['classes'] == ('apple', 'pear tree')
    labels = [[item['bbox_label'] for item in joined.get_data_info(k)['instances']] for k in range(6)]
    assert labels[:3] == labels[3:] == [[0, 1], [0], []]


@pytest.mark.parametrize(
    ('change', 'names'),
    [
        (lambda content: content['categories'].reverse(), "more.json' pear tree, apple"),
        (lambda content: content['categories'].append(dict(id=9, name='plum')), "more.json' apple, pear tree, plum"),
    ],
)
def test_classes_may_not_differ(coco_folder, change, names):
    with pytest.raises(
        AnnotationFileError, match=f"objects.json' has the classes apple, pear tree and .*{names}, in this"
    ):
        CheckedConcatDataset(parts(coco_folder, change))


def test_the_command_lines_join_so():
    inner = dict(type='CheckedCocoDataset', ann_file='a.json', metainfo=dict(classes=('a',)))
    config = Config(dict(train_dataloader=dict(dataset=dict(type='ConcatDataset', datasets=[inner, inner]))))
    derive_settings(config)
    assert config.train_dataloader.dataset.type == 'CheckedConcatDataset'
    other = dict(inner, type='CocoDataset')
    config = Config(dict(train_dataloader=dict(dataset=dict(type='ConcatDataset', datasets=[inner, other]))))
    derive_settings(config)
    assert config.train_dataloader.dataset.type == 'ConcatDataset'
