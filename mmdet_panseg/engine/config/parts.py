"""The parts of a config that classes are built from, and their dotted keys."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import mmdet.registry
from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.runner import Runner

# mmdet's own, which know those of mmengine as their parents
REGISTRIES = [
    known for known in vars(mmdet.registry).values() if isinstance(known, Registry) and known.parent is not None
]


def parts_of_run(config: Config | Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Give the dicts with a ``type`` that a runner reads, with their dotted keys: no variables of the file."""
    read = inspect.signature(Runner.__init__).parameters
    return list(typed_parts({key: value for key, value in config.items() if key in read}))


def typed_parts(part: Any, where: str = '') -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give all dicts of a config that name a ``type``, with their dotted keys."""
    if isinstance(part, Mapping):
        if 'type' in part:
            yield where, part
        for key, value in part.items():
            yield from typed_parts(value, f'{where}.{key}' if where else str(key))
    elif isinstance(part, (list, tuple)):
        for place, value in enumerate(part):
            yield from typed_parts(value, f'{where}[{place}]')


def class_of(kind: Any, registries: Sequence[Registry] = REGISTRIES) -> Any:
    """Look up a ``type`` in registries and their parents; None if none has it.

    ``Registry.get`` would search the installed packages for a name that is not there, time and again.
    """
    if not isinstance(kind, str):
        return kind if callable(kind) else None
    scope, _, name = kind.rpartition('.')
    for registry in registries:
        known: Registry | None = registry
        while known is not None:
            searched = known.children.get(scope, known) if scope else known
            if name in searched.module_dict:
                return searched.module_dict[name]
            known = known.parent
    return None


def is_built_as(part: Any, kind: type) -> bool:
    """Tell whether a part of a config is of a class or one below it, however its type is written.

    Args:
        part: The part, or what stands in its place.
        kind: The class.

    Returns:
        Whether it is.
    """
    found = class_of(part.get('type')) if isinstance(part, Mapping) else None
    return isinstance(found, type) and issubclass(found, kind)
