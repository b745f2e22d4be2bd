"""What a config gets wrong, in one line where mmengine shows a traceback."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import mmdet.registry
from mmengine.config import Config
from mmengine.registry import Registry

from mmdet_panseg.datasets.errors import MissingDataError
from mmdet_panseg.errors import ConfigError

from .unknown_arguments import argument_problems, class_problems

# torch's words
_NO_VARIANCE = 'Expected more than 1 value per channel when training'
_REGISTRIES = [registry for registry in vars(mmdet.registry).values() if isinstance(registry, Registry)]


@contextmanager
def config_faults_explained(config: Config | Mapping[str, Any]) -> Iterator[None]:
    """Turn a mistyped ``type`` or argument into a :class:`ConfigError` that names the nearest known one.

    A missing file of the folder ``data_remedy.folder`` is reported with ``data_remedy.text``, which says how to get it.
    A normalization that has a single value to normalize is one as well, with the remedies.
    """
    try:
        yield
    except MissingDataError as error:
        remedy = config.get('data_remedy')
        if remedy is None or remedy['folder'] not in str(error):
            raise
        raise MissingDataError(f'{error} {remedy["text"]}') from error
    except ValueError as error:
        if _NO_VARIANCE not in str(error):
            raise
        raise ConfigError(
            f'{error}: a map of the model is a single pixel, which batch norm of one image, or group norm with a group '
            'for each channel, cannot normalize. Take larger images (scale of Resize, size of crops), a larger '
            'batch_size, or fewer groups (norm_cfg.num_groups).'
        ) from error
    except (TypeError, KeyError) as error:
        faults = _faults_behind(str(error), config)
        if not faults:
            raise
        raise ConfigError('\n'.join(faults)) from error


def _faults_behind(message: str, config: Config | Mapping[str, Any]) -> list[str]:
    """List the places of a config that have the name of which an error speaks, where nothing knows that name."""
    words = set(re.findall(r'\w+', message))
    parts = [found for key, value in config.items() for found in _typed_parts(value, key)]
    problems = [
        *argument_problems(config),
        *(problem for where, part in parts for problem in class_problems(_REGISTRIES, part, where)),
    ]
    found = [problem for problem in problems if words.intersection(re.findall(r"'(\w+)'", problem))]
    if not found and ' required ' in message:
        found = [f'{where}: {message}.' for where, part in parts if f'{part["type"]}.__init__()' in message]
    if not found and 'is not a callable' in message:  # mmengine's word for a type that it did not find
        found = problems
    return found[:1]


def _typed_parts(part: Any, where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give all dicts of a config that name a ``type``, with their dotted keys."""
    if isinstance(part, Mapping):
        if 'type' in part:
            yield where, part
        for key, value in part.items():
            yield from _typed_parts(value, f'{where}.{key}')
    elif isinstance(part, (list, tuple)):
        for place, value in enumerate(part):
            yield from _typed_parts(value, f'{where}[{place}]')
