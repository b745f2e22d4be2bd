"""What a config gets wrong, in one line where mmengine shows a traceback."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mmengine.config import Config

from mmdet_panseg.datasets.errors import MissingDataError
from mmdet_panseg.errors import ConfigError, UserError

from .failed_part import failed_part
from .parts import REGISTRIES, parts_of_run
from .unknown_arguments import argument_problems, class_problems

# torch's words
_NO_VARIANCE = 'Expected more than 1 value per channel when training'


@contextmanager
def config_faults_explained(config: Config | Mapping[str, Any]) -> Iterator[None]:
    """Turn what fails in a constructor or in the first step into a :class:`ConfigError` with the key of that part.

    For a mistyped ``type`` or argument it names the nearest known one. A missing file of the folder
    ``data_remedy.folder`` is reported with ``data_remedy.text``, which says how to get it, and a normalization that
    has a single value to normalize with its remedies.
    """
    try:
        yield
    except MissingDataError as error:
        remedy = config.get('data_remedy')
        if remedy is None or remedy['folder'] not in str(error):
            raise
        raise MissingDataError(f'{error} {remedy["text"]}') from error
    except UserError as error:
        if type(error) is ConfigError and in_file(config, '') not in str(error):  # of a component
            raise ConfigError(in_file(config, str(error))) from error
        raise
    except Exception as error:  # constructors raise what they like
        fault = _explained(error, config)
        if fault is None:
            raise
        raise ConfigError(in_file(config, fault)) from error


def _explained(error: Exception, config: Config | Mapping[str, Any]) -> str | None:
    if _NO_VARIANCE in str(error):
        return (
            f'{error}: a map of the model is a single pixel, which batch norm of one image, or group norm with a group '
            'for each channel, cannot normalize. Take larger images (scale of Resize, size of crops), a larger '
            'batch_size, or fewer groups (norm_cfg.num_groups).'
        )
    mistyped = _faults_behind(str(error), config) if isinstance(error, (TypeError, KeyError)) else []
    return mistyped[0] if mistyped else failed_part(error, config)


def in_file(config: Config | Mapping[str, Any], fault: str) -> str:
    """Put the name of a config's file before what is wrong with it."""
    name = getattr(config, 'filename', None) if isinstance(config, Config) else None
    return f'{name}: {fault}' if name else fault


def _faults_behind(message: str, config: Config | Mapping[str, Any]) -> list[str]:
    """List the places of a config that have the name of which an error speaks, where nothing knows that name."""
    words = set(re.findall(r'\w+', message))
    parts = parts_of_run(config)
    problems = [
        *argument_problems(config),
        *(problem for where, part in parts for problem in class_problems(REGISTRIES, part, where)),
    ]
    found = [problem for problem in problems if words.intersection(re.findall(r"'(\w+)'", problem))]
    if not found and ' required ' in message:
        found = [f'{where}: {message}.' for where, part in parts if f'{part["type"]}.__init__()' in message]
    if not found and 'is not a callable' in message:  # mmengine's word for a type that it did not find
        found = problems
    return found[:1]
