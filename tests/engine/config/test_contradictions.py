"""Settings that exclude each other, and options that nobody reads."""

from __future__ import annotations

import pytest
from mmengine.config import Config

from mmdet_panseg.engine import load_config
from mmdet_panseg.engine.config import contradictions, loading
from mmdet_panseg.engine.config.contradictions import settle_contradictions
from mmdet_panseg.engine.config.idle_options import idle_option_warning
from mmdet_panseg.errors import ConfigError
from repository import REPOSITORY

VALIDATION = dict(val_dataloader=dict(batch_size=1), val_cfg=dict(type='ValLoop'), val_evaluator=dict(type='Metric'))


@pytest.fixture
def said(monkeypatch):
    texts = []
    monkeypatch.setattr(contradictions, '_say', texts.append)
    return texts


@pytest.mark.parametrize('key', list(VALIDATION))
@pytest.mark.parametrize('missing', [False, True])
def test_a_part_of_the_validation_alone_is_off(said, key, missing):
    config = Config({name: value for name, value in VALIDATION.items() if name != key})
    if not missing:
        config[key] = None
    settle_contradictions(config)
    assert [config[name] for name in VALIDATION] == [None] * 3
    assert said == [f'{key} is None: this run does not validate.']


@pytest.mark.parametrize('config', [VALIDATION, dict.fromkeys(VALIDATION), {}])
def test_a_whole_validation_or_none(said, config):
    settled = Config(dict(config))
    settle_contradictions(settled)
    assert settled.to_dict() == config and not said


@pytest.mark.parametrize('loop', [dict(type='EpochBasedTrainLoop', max_epochs=2), dict(by_epoch=True, max_epochs=2)])
@pytest.mark.parametrize('shuffle', [{}, dict(shuffle=False)])
def test_epochs_need_a_sampler_with_an_end(said, loop, shuffle):
    config = Config(dict(train_cfg=loop, train_dataloader=dict(sampler=dict(type='InfiniteSampler', **shuffle))))
    settle_contradictions(config)
    assert config.train_dataloader.sampler == dict(type='DefaultSampler', shuffle=shuffle.get('shuffle', True))
    assert len(said) == 1 and 'train_dataloader.sampler' in said[0]


@pytest.mark.parametrize(
    ('loop', 'kind'),
    [
        (dict(type='IterBasedTrainLoop', max_iters=2), 'InfiniteSampler'),
        (dict(type='EpochBasedTrainLoop', max_epochs=2), 'DefaultSampler'),
    ],
)
def test_samplers_that_fit_stay(said, loop, kind):
    config = Config(dict(train_cfg=loop, train_dataloader=dict(sampler=dict(type=kind))))
    settle_contradictions(config)
    assert config.train_dataloader.sampler == dict(type=kind) and not said


def test_log_backends_that_are_not_installed(monkeypatch):
    backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
    config = Config(dict(visualizer=dict(vis_backends=backends)))
    monkeypatch.setattr(contradictions, 'find_spec', lambda name: None)
    with pytest.raises(ConfigError, match=r'vis_backends\[1\]: Tensor.* package tensorboard.*pip install tensorboard'):
        settle_contradictions(config)
    monkeypatch.setattr(contradictions, 'find_spec', lambda name: name == 'tensorboardX')
    settle_contradictions(config)


CONFIG = dict(
    data_root='data/',
    size=(320, 256),
    train_dataloader=dict(dataset=dict(data_root='data/', pipeline=[dict(type='Resize', scale=(320, 256))])),
    val_evaluator=[dict(ann_file='data/val.json')],
)


@pytest.mark.parametrize(
    ('key', 'value', 'places'),
    [
        ('data_root', 'other/', 'train_dataloader.dataset.data_root, val_evaluator.0.ann_file'),
        ('size', (64, 64), 'train_dataloader.dataset.pipeline.0.scale'),
    ],
)
def test_variables_of_the_file_are_named_with_the_real_settings(key, value, places):
    warning = idle_option_warning(CONFIG, key, value)
    assert warning.startswith(f'--cfg-options {key}: ') and warning.endswith(
        f'the settings that have its value are {places}.'
    )


@pytest.mark.parametrize('key', ['train_dataloader.dataset.data_root', 'val_evaluator', 'absent'])
def test_settings_that_are_read(key):
    assert idle_option_warning(CONFIG, key, 'other/') is None


def test_the_same_value_changes_nothing_and_needs_no_word():
    assert idle_option_warning(CONFIG, 'data_root', 'data/') is None


def test_a_shipped_config_warns_of_its_data_root(monkeypatch):
    printed = []
    monkeypatch.setattr(loading, 'print_log', lambda text, **kwargs: printed.append(text))
    path = REPOSITORY / 'configs' / 'solo' / 'solo_effl0_scenes.py'
    options = dict(data_root='/nowhere/', model=dict(mask_head=dict(num_classes=8)))
    load_config(path, options)
    (warning,) = printed
    assert 'data_root is a variable of the config file' in warning and 'train_dataloader.dataset.data_root' in warning
