"""Whether what a config describes can be built, without weights, data or a device."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from mmdet.registry import DATASETS, METRICS, MODELS, TASK_UTILS, TRANSFORMS
from mmengine.config import ConfigDict
from mmengine.registry import OPTIMIZERS, PARAM_SCHEDULERS, Registry, init_default_scope

from mmdet_panseg.engine import argument_names

# Arguments that mmengine takes out before the class is built.
_TAKEN_OUT = {'type', '_scope_', 'convert_to_iter_based'}
_SOLO_TEST_KEYS = {
    *('nms_pre', 'score_thr', 'mask_thr', 'filter_thr', 'kernel', 'sigma', 'max_per_img'),
    *('suppression', 'resize'),
}


def building_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Try to build model and transforms, and look for the classes and arguments of the rest.

    Args:
        config: The resolved config.

    Yields:
        A sentence for each part that cannot be built.
    """
    init_default_scope(config.get('default_scope') or 'mmdet')
    yield from _attempt('model', lambda: _build_model(config['model']))
    yield from _test_cfg_problems(config.get('model') or {})
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        dataset = (config.get(name) or {}).get('dataset')
        if dataset:
            yield from _dataset_problems(dataset, f'{name}.dataset')
    yield from _all_argument_problems(METRICS, config.get('test_evaluator'), 'test_evaluator')
    optimizer = (config.get('optim_wrapper') or {}).get('optimizer')
    yield from _all_argument_problems(OPTIMIZERS, optimizer, 'optim_wrapper.optimizer')
    yield from _all_argument_problems(PARAM_SCHEDULERS, config.get('param_scheduler'), 'param_scheduler')


def _build_model(model: Mapping[str, Any]) -> None:
    with torch.device('meta'):
        MODELS.build(ConfigDict(copy.deepcopy(dict(model))))


def _attempt(where: str, build: Callable[[], object]) -> Iterator[str]:
    try:
        build()
    except Exception as error:  # constructors raise what they like
        reason = ' '.join(str(error).split())
        yield f'{where} does not build ({type(error).__name__}: {reason})'


def _test_cfg_problems(model: Mapping[str, Any]) -> Iterator[str]:
    """Check what SOLO's head reads when it predicts, which its constructor does not look at."""
    if (model.get('mask_head') or {}).get('type') != 'SparseSOLOHead':
        return
    settings = model.get('test_cfg') or {}
    for key in sorted(set(settings) - _SOLO_TEST_KEYS):
        yield f'model.test_cfg has no setting {key!r}; it has {", ".join(sorted(_SOLO_TEST_KEYS))}'
    if settings.get('suppression'):
        yield from _attempt('model.test_cfg.suppression', lambda: TASK_UTILS.build(dict(settings['suppression'])))


def _dataset_problems(dataset: Mapping[str, Any], where: str) -> Iterator[str]:
    yield from _argument_problems(DATASETS, dataset, where)
    for place, transform in enumerate(dataset.get('pipeline') or []):
        yield from _attempt(f'{where}.pipeline[{place}]', lambda transform=transform: _build_transform(transform))


def _build_transform(transform: Mapping[str, Any]) -> None:
    TRANSFORMS.build(copy.deepcopy(dict(transform)))


def _all_argument_problems(registry: Registry, configs: Any, where: str) -> Iterator[str]:
    for config in configs if isinstance(configs, Sequence) else [configs]:
        if config:
            yield from _argument_problems(registry, config, where)


def _argument_problems(registry: Registry, config: Mapping[str, Any], where: str) -> Iterator[str]:
    """Check class and names of the arguments where building would read files or need the model."""
    kind = config.get('type')
    cls = registry.get(kind) if isinstance(kind, str) else kind
    if cls is None:
        yield f'{where}.type={kind!r} is not registered in {registry.name!r}'
        return
    known = argument_names(cls)
    for key in config:
        if known is not None and key not in known | _TAKEN_OUT:
            yield f'{where}: {cls.__name__} has no argument {key!r}'
