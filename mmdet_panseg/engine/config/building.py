"""Whether what a config describes can be built, without weights, data or a device."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from mmdet.registry import MODELS, TRANSFORMS
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from torch import nn

from .unknown_arguments import argument_problems, datasets_of


def building_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Try to build model and transforms, and look for the classes and arguments of the rest.

    Args:
        config: The resolved config.

    Yields:
        A sentence for each part that cannot be built.
    """
    init_default_scope(config.get('default_scope') or 'mmdet')
    yield from _attempt('model', lambda: _build_model(config['model']))
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        for dataset, where in datasets_of(config.get(name) or {}, name):
            yield from _pipeline_problems(dataset, where)
    yield from argument_problems(config)


def _build_model(model: Mapping[str, Any]) -> nn.Module:
    with torch.device('meta'):
        return MODELS.build(ConfigDict(copy.deepcopy(dict(model))))


def multiplier_problems(model: Mapping[str, Any], keys: Iterable[str]) -> Iterator[str]:
    """Look for keys of ``paramwise_cfg.custom_keys`` that no parameter of a model has in its name.

    Args:
        model: Config of the model.
        keys: The keys.

    Yields:
        A sentence for each such key; none if the model does not build.
    """
    try:
        names = [name for name, _ in _build_model(model).named_parameters()] if keys else []
    except Exception:  # reported by building_problems
        return
    for key in keys:
        if not any(key in name for name in names):
            yield f'optim_wrapper.paramwise_cfg.custom_keys: no parameter of the model has {key!r} in its name'


def _attempt(where: str, build: Callable[[], object]) -> Iterator[str]:
    try:
        build()
    except Exception as error:  # constructors raise what they like
        reason = ' '.join(str(error).split())
        yield f'{where} does not build ({type(error).__name__}: {reason})'


def _pipeline_problems(dataset: Mapping[str, Any], where: str) -> Iterator[str]:
    for place, transform in enumerate(dataset.get('pipeline') or []):
        yield from _attempt(f'{where}.pipeline[{place}]', lambda transform=transform: _build_transform(transform))


def _build_transform(transform: Mapping[str, Any]) -> None:
    TRANSFORMS.build(copy.deepcopy(dict(transform)))
