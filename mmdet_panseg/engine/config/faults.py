"""What a config gets wrong, in one line where mmengine shows a traceback."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry

from mmdet_panseg.datasets.errors import MissingDataError
from mmdet_panseg.errors import ConfigError, near_names

_ARGUMENT_FAULTS = ('unexpected keyword argument', 'required positional argument', 'required keyword-only argument')


@contextmanager
def config_faults_explained(config: Config) -> Iterator[None]:
    """Within this context a mistyped ``type`` or argument is a :class:`ConfigError` that names the nearest known one.

    A missing file of the folder ``data_remedy.folder`` is reported with ``data_remedy.text``, which says how to get it.

    Args:
        config: The config from which things are built.

    Yields:
        Nothing.
    """
    try:
        yield
    except MissingDataError as error:
        remedy = config.get('data_remedy')
        if remedy is None or remedy['folder'] not in str(error):
            raise
        raise MissingDataError(f'{error} {remedy["text"]}') from error
    except (TypeError, KeyError) as error:
        fault = _building_fault(error)
        if fault is None:
            raise
        raise ConfigError(fault) from error


def _building_fault(error: TypeError | KeyError) -> str | None:
    """Text for an error of ``Registry.build`` about a name in the config; None for other errors."""
    frame = _building_frame(error)
    if frame is None:
        return None
    message = str(error.args[0])
    known = frame.f_locals
    if isinstance(error, KeyError) and 'is not in the' in message:
        name, registry = known['obj_type'], known['registry']
        return f'type={name!r}: there is no such {registry.name}.{near_names(name, registered_names(registry))}'
    if any(fault in message for fault in _ARGUMENT_FAULTS) and 'obj_cls' in known:
        kind = known['obj_cls']
        accepted = argument_names(kind) or set()
        unknown = [name for name in known['args'] if name not in accepted]
        near = near_names(unknown[0], accepted) if unknown and accepted else ''
        return f'type={kind.__name__!r}: {message.partition("() ")[2] or message}.{near}'
    return None


def _building_frame(error: BaseException) -> FrameType | None:
    """Innermost frame of ``build_from_cfg`` in a traceback."""
    found = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_name == 'build_from_cfg':
            found = trace.tb_frame
        trace = trace.tb_next
    return found


def registered_names(registry: Registry | None) -> set[str]:
    """Types that a registry and those above it know."""
    return set() if registry is None else {*registry.module_dict, *registered_names(registry.parent)}


def argument_names(kind: Any) -> set[str] | None:
    """Collect the names of a class's arguments, those of its parents as long as ``**kwargs`` passes them on.

    Args:
        kind: A class, or a function, which has its own arguments alone.

    Returns:
        The names, or None if any name may be accepted.
    """
    names: set[str] = set()
    for maker in _makers(kind):
        if maker is object.__init__:
            # A class without a constructor takes nothing; one with **kwargs passes them on to who knows what.
            return None if names else names
        parameters = inspect.signature(maker).parameters.values()
        names |= {parameter.name for parameter in parameters}
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
            return names
    return None


def _makers(kind: Any) -> list[Any]:
    """Constructors of a class and those above it; a function itself."""
    if not inspect.isclass(kind):
        return [kind]
    return [vars(parent)['__init__'] for parent in kind.__mro__ if '__init__' in vars(parent)]
