"""Settings that do not go together: one follows the other, with a line in the log, or the config is refused."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from mmdet.models import SOLOHead
from mmengine.config import Config
from mmengine.logging import print_log

from mmdet_panseg.errors import ConfigError

from .parts import is_built_as

_VALIDATION = ('val_dataloader', 'val_cfg', 'val_evaluator')
_BACKEND_PACKAGES = {
    'TensorboardVisBackend': ('tensorboard', 'tensorboardX'),
    'WandbVisBackend': ('wandb',),
    'MLflowVisBackend': ('mlflow',),
    'ClearMLVisBackend': ('clearml',),
    'NeptuneVisBackend': ('neptune',),
    'DVCLiveVisBackend': ('dvclive',),
    'AimVisBackend': ('aim',),
}


def settle_contradictions(config: Config) -> None:
    """Let settings follow from others that exclude them.

    - One of ``val_dataloader``, ``val_cfg`` and ``val_evaluator`` is None: there is no validation.
    - A training counts epochs, and its sampler has no end: ``DefaultSampler`` takes its place.

    Args:
        config: The config, changed in place.

    Raises:
        ConfigError: If a log backend is named whose package is not installed, or the model has no ``test_cfg`` for
            the validation.
    """
    _settle_validation(config)
    _settle_sampler(config)
    _require_test_settings(config)
    _require_backends(config)


def _settle_validation(config: Config) -> None:
    absent = [key for key in _VALIDATION if config.get(key) in (None, [])]
    if absent and len(absent) < len(_VALIDATION):
        _say(f'{absent[0]} is {config.get(absent[0])}: this run does not validate.')
        for key in _VALIDATION:
            config[key] = None


def _settle_sampler(config: Config) -> None:
    loop, loader = config.get('train_cfg') or {}, config.get('train_dataloader') or {}
    by_epoch = loop.get('type') == 'EpochBasedTrainLoop' or (loop.get('by_epoch') and 'type' not in loop)
    sampler = loader.get('sampler') or {}
    if by_epoch and sampler.get('type') == 'InfiniteSampler':
        loader['sampler'] = dict(type='DefaultSampler', shuffle=sampler.get('shuffle', True))
        _say(
            'train_dataloader.sampler: an InfiniteSampler has no epochs, which train_cfg counts; a DefaultSampler '
            'takes its place.'
        )


def _require_test_settings(config: Mapping[str, Any]) -> None:
    model = config.get('model') or {}
    predicts = config.get('val_cfg') is not None or config.get('test_cfg') is not None
    if predicts and is_built_as(model.get('mask_head'), SOLOHead) and not model.get('test_cfg'):
        raise ConfigError(
            'model.test_cfg is None, and validation and test need it: inherit it, or write '
            'test_cfg=dict(score_thr=0.1, mask_thr=0.5).'
        )


def _require_backends(config: Mapping[str, Any]) -> None:
    visualizer = config.get('visualizer') or {}
    for place, backend in enumerate(visualizer.get('vis_backends') or ()):
        packages = _BACKEND_PACKAGES.get(backend.get('type') if isinstance(backend, Mapping) else None, ())
        if packages and not any(map(find_spec, packages)):
            raise ConfigError(
                f'visualizer.vis_backends[{place}]: {backend["type"]} needs the package {packages[0]}, which is not '
                f'installed: pip install {packages[0]}, or leave the backend out.'
            )


def _say(text: str) -> None:
    print_log(text, logger='current', level=logging.WARNING)
