"""What is wrong with a config, found without weights, data or a device."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from mmdet.registry import MODELS, TRANSFORMS
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope

from .derived import ClassCounts, derive_settings
from .unknown_arguments import argument_problems, datasets_of


def config_problems(config: Mapping[str, Any]) -> list[str]:
    """Try to build model and transforms, and look for the classes and arguments of the rest.

    Args:
        config: The resolved config.

    Returns:
        A sentence for each part that cannot be built, and for each name that nothing knows.
    """
    init_default_scope(config.get('default_scope') or 'mmdet')
    derived = Config(copy.deepcopy(dict(config)))
    # The data need not be there, and any number of classes serves. What does not build is reported below.
    with contextlib.suppress(Exception):
        derive_settings(derived, ClassCounts(1, 1))
    config = derived.to_dict()
    return [*_model_problems(config), *_transform_problems(config), *argument_problems(config)]


def _model_problems(config: Mapping[str, Any]) -> Iterator[str]:
    names: list[str] = []

    def build() -> None:
        with torch.device('meta'):
            model = MODELS.build(ConfigDict(copy.deepcopy(dict(config['model']))))
        names.extend(name for name, _ in model.named_parameters())

    yield from _attempt('model', build)
    paramwise = (config.get('optim_wrapper') or {}).get('paramwise_cfg') or {}
    for key in paramwise.get('custom_keys') or {}:
        if names and not any(key in name for name in names):
            yield f'optim_wrapper.paramwise_cfg.custom_keys: no parameter of the model has {key!r} in its name'


def _attempt(where: str, build: Callable[[], object]) -> Iterator[str]:
    try:
        build()
    except Exception as error:  # constructors raise what they like
        reason = ' '.join(str(error).split())
        yield f'{where} does not build ({type(error).__name__}: {reason})'


def _transform_problems(config: Mapping[str, Any]) -> Iterator[str]:
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        for dataset, where in datasets_of(config.get(name) or {}, name):
            for place, transform in enumerate(dataset.get('pipeline') or []):
                settings = copy.deepcopy(dict(transform))
                yield from _attempt(f'{where}.pipeline[{place}]', lambda settings=settings: TRANSFORMS.build(settings))
