"""Options of the command line that change nothing, because the config file has used their old value."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.runner import Runner

# What commands and hooks read beside the runner.
_READ_LATER = {
    *('ablation', 'auto_scale_lr', 'backend_args', 'custom_imports', 'data_remedy', 'default_scope', 'runner_type'),
    *('find_unused_parameters', 'tta_model', 'tta_pipeline', 'model_wrapper_cfg'),
}
_SHOWN = 6


def idle_option_warning(config: Mapping[str, Any], key: str, value: Any) -> str | None:
    """Say that a variable of the config file is not read any more, and which settings have its value.

    Args:
        config: The config before the option is applied.
        key: Dotted key of the option.
        value: Its new value.

    Returns:
        The warning; None for a key that somebody reads.
    """
    top = key.partition('.')[0]
    if top not in config or top in _READ_LATER or top in inspect.signature(Runner.__init__).parameters:
        return None
    old = config[top]
    if '.' in key or old == value:
        return None
    places = [place for place, found in _leaves(config, '') if place != top and _is_made_of(found, old)]
    named = ', '.join(places[:_SHOWN]) + (', ...' if len(places) > _SHOWN else '')
    real = f'; the settings that have its value are {named}' if places else ''
    return (
        f'--cfg-options {key}: {key} is a variable of the config file, which was used when that was read, so that this '
        f'changes nothing{real}.'
    )


def _leaves(part: Any, where: str) -> Iterator[tuple[str, Any]]:
    if isinstance(part, Mapping):
        for key, value in part.items():
            yield from _leaves(value, f'{where}.{key}' if where else str(key))
    elif isinstance(part, (list, tuple)) and any(isinstance(value, (Mapping, list)) for value in part):
        for place, value in enumerate(part):
            yield from _leaves(value, f'{where}.{place}')
    else:
        yield where, part


def _is_made_of(found: Any, old: Any) -> bool:
    """Whether a setting has the value of a variable, or, for texts, begins with it."""
    if isinstance(found, str) and isinstance(old, str) and old:
        return found.startswith(old)
    return type(found) is type(old) and found == old
