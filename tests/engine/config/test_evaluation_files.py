"""Annotation files of metrics against those of the data."""

from __future__ import annotations

import json

import pytest
from mmengine.config import Config

from mmdet_panseg.datasets import MissingDataError
from mmdet_panseg.engine.config import evaluation_files
from mmdet_panseg.engine.config.evaluation_files import require_evaluation_files
from mmdet_panseg.errors import ConfigError

CATEGORIES = [
    dict(id=9, name='sky', isthing=0),
    dict(id=1, name='apple', isthing=1),
    dict(id=2, name='pear', isthing=1),
]
THINGS = [dict(id=1, name='apple'), dict(id=2, name='pear')]


@pytest.fixture
def config(tmp_path):
    """Write a panoptic file and one of instances with these categories and images, and name them in a config."""

    def make(categories=THINGS, images=('1.jpg', '2.jpg'), data_categories=CATEGORIES, **metainfo):
        listed = [dict(id=k, file_name=name) for k, name in enumerate(('1.jpg', '2.jpg'))]
        (tmp_path / 'panoptic.json').write_text(json.dumps(dict(images=listed, categories=data_categories)))
        listed = [dict(id=k, file_name=name) for k, name in enumerate(images)]
        (tmp_path / 'instances.json').write_text(json.dumps(dict(images=listed, categories=categories)))
        dataset = dict(ann_file='panoptic.json', data_root=str(tmp_path), metainfo=metainfo)
        evaluator = [dict(ann_file=str(tmp_path / 'instances.json')), dict(type='PanopticQualityMetric')]
        return Config(dict(val_dataloader=dict(dataset=dataset), val_evaluator=evaluator))

    return make


@pytest.mark.parametrize(
    'settings',
    [
        {},
        dict(categories=[*THINGS, dict(id=9, name='sky')]),
        dict(categories=[dict(id=7, name='plum'), *THINGS]),
        dict(classes=('pear', 'sky'), categories=[THINGS[1]]),
        dict(thing_classes=('pear',), categories=[THINGS[1], THINGS[0]]),
        dict(data_categories=THINGS),
    ],
)
def test_files_that_number_things_alike(config, settings):
    require_evaluation_files(config(**settings), 'val')


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(categories=THINGS[::-1]), "label 0 is 'apple' in the data and 'pear' for the metric.*order: apple, pear"),
        (dict(categories=THINGS[:1]), "label 1 is 'pear' in the data and nothing for the metric"),
        (dict(categories=[dict(id=9, name='sky'), *THINGS]), "label 0 is 'apple' in the data and 'sky'"),
        (dict(data_categories=THINGS, categories=THINGS[::-1]), "label 0 is 'apple'"),
        (dict(images=('1.jpg', '3.jpg')), "1 of 2 differ, such as image id 1, '2', which is '3' there"),
        (dict(images=('1.jpg',)), "such as image id 1, '2', which is missing there"),
    ],
)
def test_files_that_do_not_fit_are_named(config, settings, message):
    with pytest.raises(ConfigError, match=rf'val_evaluator\[0\]\.ann_file: .*instances.json.*{message}'):
        require_evaluation_files(config(**settings), 'val')


def test_a_file_that_does_not_exist_is_named(config, tmp_path):
    checked = config()
    (tmp_path / 'instances.json').unlink()
    with pytest.raises(MissingDataError, match=r'val_evaluator\[0\]\.ann_file: .* does not exist'):
        require_evaluation_files(checked, 'val')


def test_metrics_of_some_images_are_warned_of(config, monkeypatch):
    said = []
    monkeypatch.setattr(evaluation_files, 'print_log', lambda text, **kwargs: said.append(text))
    settings = config()
    require_evaluation_files(settings, 'val')
    assert not said
    settings.val_dataloader.dataset.indices = 1
    require_evaluation_files(settings, 'val')
    assert len(said) == 1 and 'val_dataloader.dataset.indices' in said[0] and 'val_evaluator[0]' in said[0]
