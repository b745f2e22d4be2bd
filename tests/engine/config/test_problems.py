"""What is wrong with one config, before and after something was built from it."""

from __future__ import annotations

import pytest
import torch
from mmengine.config import Config

from mmdet_panseg.engine.config import config_faults_explained, config_problems
from mmdet_panseg.errors import ConfigError

CONFIG = dict(
    model=dict(type='FPN', in_channels=[4, 8], out_channels=4, num_outs=2),
    train_dataloader=dict(dataset=dict(type='CheckedCocoDataset', pipeline=[dict(type='RandomFlip', prob=0.5)])),
    optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1), paramwise_cfg=dict(custom_keys=dict(conv=dict(lr_mult=2)))),
)


def test_a_sound_config_has_no_problems():
    assert config_problems(CONFIG) == []


@pytest.mark.parametrize(
    ('key', 'value', 'message'),
    [
        ('model.num_out', 3, 'model does not build (TypeError: FPN.__init__() got an unexpected keyword argument'),
        ('train_dataloader.dataset.pipeline.0.prop', 1, 'train_dataloader.dataset.pipeline[0] does not build'),
        ('optim_wrapper.optimizer.lrr', 1, "optim_wrapper.optimizer: SGD has no argument 'lrr'."),
        ('optim_wrapper.paramwise_cfg.custom_keys.cnv.lr_mult', 1, "no parameter of the model has 'cnv' in its name"),
    ],
)
def test_every_problem_is_named(key, value, message):
    config = Config(CONFIG)
    config.merge_from_dict({key: value})
    (problem,) = config_problems(config.to_dict())
    assert message in problem


@pytest.mark.parametrize(
    ('error', 'message'),
    [
        (
            KeyError('FPNN is not in the mmdet::model registry'),
            r"model.neck.type='FPNN' is not registered. Near it: FPN",
        ),
        (
            TypeError("FPN.__init__() missing 1 required positional argument: 'num_outs'"),
            r'model.heads\[0\]: FPN.*num_outs',
        ),
        (
            TypeError("SGD.__init__() got an unexpected keyword argument 'lrr'"),
            "optim_wrapper.optimizer: .* 'lrr'. Near it",
        ),
    ],
)
def test_an_error_is_explained_by_the_config(error, message):
    model = dict(neck=dict(type='FPNN'), heads=[dict(type='FPN')])
    with (
        pytest.raises(ConfigError, match=message),
        config_faults_explained(Config(dict(model=model, optim_wrapper=dict(optimizer=dict(type='SGD', lrr=1))))),
    ):
        raise error


@pytest.mark.parametrize('norm', [torch.nn.BatchNorm2d(4), torch.nn.GroupNorm(4, 4)])
def test_a_single_value_cannot_be_normalized(norm):
    with (
        pytest.raises(ConfigError, match=r'\[1, 4, 1, 1\]\)?: a map .* a single pixel'),
        config_faults_explained(CONFIG),
    ):
        norm(torch.zeros(1, 4, 1, 1))


@pytest.mark.parametrize(
    'error', [KeyError('classes'), TypeError("f() got an unexpected keyword argument 'x'"), ValueError('no value')]
)
def test_other_errors_stay(error):
    with pytest.raises(type(error)) as raised, config_faults_explained(Config(CONFIG)):
        raise error
    assert raised.value is error
