"""Settings of the wrong kind: a text for a list, a fraction for a number of images."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from numbers import Integral, Real
from typing import Any, Literal, Union

from mmdet.registry import (
    DATASETS,
    EVALUATOR,
    HOOKS,
    LOG_PROCESSORS,
    LOOPS,
    METRICS,
    OPTIM_WRAPPERS,
    OPTIMIZERS,
    PARAM_SCHEDULERS,
)
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from torch.utils.data import DataLoader

from .parts import class_of, parts_of_run

# Annotations of models and transforms are often narrower than what they take.
_EXACT = [DATASETS, EVALUATOR, HOOKS, LOG_PROCESSORS, LOOPS, METRICS, OPTIM_WRAPPERS, OPTIMIZERS, PARAM_SCHEDULERS]
_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
# What torch and mmengine take, and then divide by, wait for or never reach.
_LEAST = {
    **{f'{loader}.batch_size': 1 for loader in _LOADERS},
    **{f'{loader}.num_workers': 0 for loader in _LOADERS},
    **{f'train_cfg.{key}': 1 for key in ('max_iters', 'max_epochs', 'val_interval')},
    'optim_wrapper.accumulative_counts': 1,
}
_NAMES = {dict: 'dict', list: 'list', tuple: 'list', str: 'text', int: 'whole number', float: 'number', bool: 'bool'}


def kind_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Compare settings with the annotations of the arguments that they are handed to.

    Args:
        config: The config.

    Yields:
        A sentence for each setting of another kind, or below the least number that makes sense.
    """
    yield from _misfits({key: value for key, value in config.items() if value is not None}, Runner, '')
    for key in _LOADERS:
        yield from _misfits(config.get(key), DataLoader, key)
    loop = config.get('train_cfg')
    if isinstance(loop, Mapping) and 'type' not in loop:
        yield from _misfits(loop, EpochBasedTrainLoop if loop.get('by_epoch') else IterBasedTrainLoop, 'train_cfg')
    for where, part in parts_of_run(config):
        yield from _misfits(part, class_of(part['type'], _EXACT), where)
    for key, least in _LEAST.items():
        part, _, name = key.partition('.')
        settings = config.get(part)
        value = settings.get(name) if isinstance(settings, Mapping) else None
        if isinstance(value, Real) and value < least:
            yield f'{key} = {value!r}, but should be at least {least}'


def _misfits(part: Any, kind: Any, where: str) -> Iterator[str]:
    if not isinstance(part, Mapping) or not callable(kind):
        return
    hints = _hints(kind)
    for key, value in part.items():
        hint, default = hints.get(key, (Any, None))
        if value is not default and not _fits(value, hint):
            dotted = f'{where}.{key}' if where else key
            yield f'{dotted} = {_shown(value)}, but should be {_named(hint)}'


@cache
def _hints(kind: Any) -> dict[str, tuple[Any, Any]]:
    """Collect annotation and default of a class's arguments, those of its parents as far as ``**kwargs`` reaches."""
    parents = kind.__mro__ if inspect.isclass(kind) else []
    found: dict[str, tuple[Any, Any]] = {}
    for maker in [vars(parent)['__init__'] for parent in parents if '__init__' in vars(parent)] or [kind]:
        try:
            parameters = inspect.signature(maker).parameters
        except (TypeError, ValueError):  # written in C
            return found
        for name, parameter in parameters.items():
            found.setdefault(name, (_resolved(parameter.annotation, maker), parameter.default))
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters.values()):
            return found
    return found


def _resolved(annotation: Any, maker: Any) -> Any:
    """Evaluate an annotation; Any where it names what is imported for the type checker alone."""
    if annotation is inspect.Parameter.empty:
        return Any
    holder = types.SimpleNamespace(__annotations__={'argument': annotation})
    try:
        return typing.get_type_hints(holder, getattr(maker, '__globals__', {}))['argument']
    except (NameError, TypeError, AttributeError):
        return Any


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value may be meant by an annotation; what the annotation leaves open fits."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    kind = origin or hint
    if kind in (Union, types.UnionType):
        return any(_fits(value, choice) for choice in inner)
    if kind is Literal:
        return value in inner
    if kind is int:
        return isinstance(value, Integral) or (isinstance(value, float) and value.is_integer())
    if kind is float:
        return isinstance(value, Real)
    if not inspect.isclass(kind) or kind is Any or getattr(kind, '_is_protocol', False):
        return True
    if issubclass(kind, Mapping):
        return isinstance(value, Mapping)
    if issubclass(kind, (list, tuple)) or kind is Sequence:
        items = [] if inner[:1] in ((), (str,), (int,), (float,)) else inner[:1]
        return isinstance(value, (list, tuple)) and all(_fits(item, hint) for hint in items for item in value)
    # A dict may be of a component that is built where it is used.
    return isinstance(value, kind) or (kind is bool and value in (0, 1)) or (kind is not str and _builds(value))


def _builds(value: Any) -> bool:
    return isinstance(value, Mapping) and 'type' in value


def _named(hint: Any) -> str:
    """Name what an annotation allows."""
    inner = typing.get_args(hint)
    if typing.get_origin(hint) in (Union, types.UnionType):
        return ' or '.join(dict.fromkeys(map(_named, inner)))
    kind = typing.get_origin(hint) or hint
    if kind is Literal:
        return ' or '.join(map(repr, inner))
    if kind is type(None):
        return 'None'
    named = next((name for known, name in _NAMES.items() if inspect.isclass(kind) and issubclass(kind, known)), None)
    return f'a {named or getattr(kind, "__name__", kind)}'


def _shown(value: Any, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else f'{text[:limit]}...'
