"""What has to hold before anything is built from a config."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mmengine.config import Config

from mmdet_panseg.errors import ConfigError

from .faults import in_file
from .kinds import kind_problems
from .unknown_arguments import argument_problems

TRAINING = ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper')
TESTING = ('model', 'test_dataloader', 'test_cfg', 'test_evaluator')


def require_kinds(config: Config) -> None:
    """Refuse a config in which a setting is of another kind than the argument that it is handed to.

    Raises:
        ConfigError: For the first such setting.
    """
    _require_none(config, kind_problems(config.to_dict()))


def require_runnable(config: Config, keys: Iterable[str]) -> None:
    """Refuse a config that lacks a key, or has a class or an argument that nothing knows.

    Args:
        config: The config.
        keys: :data:`TRAINING` or :data:`TESTING`.

    Raises:
        ConfigError: For the first fault.
    """
    _require_none(config, _absent(config.to_dict(), keys))
    _require_none(config, argument_problems(config.to_dict()))


def _absent(config: Mapping[str, Any], keys: Iterable[str]) -> Iterator[str]:
    for key in keys:
        if config.get(key) is None:
            yield f'{key} is missing: write it, or inherit it by _base_ from a file of configs/_base_'
    if 'type' not in config['model']:
        yield "model has no type: write model=dict(type='SOLO', ...)"
    for key in keys:
        if key.endswith('_dataloader'):
            yield from (f'{key}.{name} is missing' for name in ('dataset', 'sampler') if config[key].get(name) is None)


def _require_none(config: Config, problems: Iterator[str]) -> None:
    for problem in problems:
        raise ConfigError(in_file(config, problem))
