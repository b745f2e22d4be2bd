"""Read configs for the command lines, with errors and warnings where mmengine is silent."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log

from mmdet_panseg.errors import ConfigError, near_names

from .checks import require_kinds
from .derived import derive_settings
from .faults import config_faults_explained
from .idle_options import idle_option_warning
from .reading import read_config


def load_config(path: str | Path, options: Mapping[str, Any] | None = None, work_dir: str | None = None) -> Config:
    """Read a config file, apply ``--cfg-options``, settle the work dir and fill in what follows from other settings.

    Args:
        path: Config file.
        options: Values by dotted key. A key that the config does not have is added, with a warning that names
            the nearest one it has.
        work_dir: Work dir; by default the config's own, or ``work_dirs/<name of the config>``.

    Returns:
        The config.

    Raises:
        ConfigError: When the file or one of its ``_base_`` files does not exist or cannot be read, an option cannot
            be merged, or a setting is of the wrong kind.
        MissingDataError: When the model has the classes of data that are not there.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f'{path}: no such config file.{_near_configs(path)}')
    config = read_config(path)
    warn_of_unknown_options(config.to_dict(), options or {})
    apply_options(config, options or {}, path)
    if work_dir is not None:
        config.work_dir = work_dir
    elif config.get('work_dir') is None:
        config.work_dir = str(Path('work_dirs', path.stem))
    require_kinds(config)
    with config_faults_explained(config):
        derive_settings(config)
    return config


def apply_options(config: Config, options: Mapping[str, Any], path: Path) -> None:
    """Set the values of ``--cfg-options``.

    Args:
        config: The config, changed in place.
        options: Values by dotted key.
        path: Where the config is from, for the message.

    Raises:
        ConfigError: When an option cannot be merged.
    """
    try:
        config.merge_from_dict(dict(options))
    except (KeyError, TypeError) as error:
        raise ConfigError(f'--cfg-options {" ".join(options)}: cannot be applied to {path} ({error}).') from error
    _let_no_workers_persist(config)


def _let_no_workers_persist(config: Config) -> None:
    """Switch ``persistent_workers`` off where ``num_workers`` is 0, which torch would refuse."""
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        loader = config.get(name)
        if isinstance(loader, dict) and loader.get('num_workers') == 0:
            loader['persistent_workers'] = False


def _near_configs(path: Path) -> str:
    folder = path.parent
    if path.is_dir():
        return f' It is a folder; it holds {_listed(path)}.'
    if not folder.is_dir():
        return f' The folder {folder} does not exist (looked from {Path.cwd()}).'
    names = [entry.name for entry in folder.glob('*.py')]
    return near_names(path.name, names, cutoff=0.5) or f' The folder {folder} holds {_listed(folder)}.'


def _listed(folder: Path, limit: int = 8) -> str:
    names = sorted(entry.name for entry in folder.glob('*.py'))
    if not names:
        return 'no config files'
    return ', '.join(names[:limit]) + (f' and {len(names) - limit} more' if len(names) > limit else '')


def warn_of_unknown_options(config: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Log which options a config has no key for, so that they are added to it, and which change nothing.

    Args:
        config: The config.
        options: Values by dotted key.
    """
    warnings = [unknown_key_warning(config, key) or idle_option_warning(config, key, options[key]) for key in options]
    for warning in filter(None, warnings):
        print_log(warning, logger='current', level=logging.WARNING)


def unknown_key_warning(config: Mapping[str, Any], key: str) -> str | None:
    """Say what a dotted key of ``--cfg-options`` adds when the config has no such key.

    Args:
        config: The config, or a part of it.
        key: Dotted key; numbers are places in lists.

    Returns:
        The warning, with the nearest key of that level, or None when the key exists.
    """
    level: Any = config
    parts = key.split('.')
    for depth, part in enumerate(parts):
        known = _keys_of(level)
        if part in known:
            level = level[int(part)] if isinstance(level, (list, tuple)) else level[part]
            continue
        above = '.'.join(parts[:depth])
        near = get_close_matches(part, known, n=1, cutoff=0.5)
        hint = f'; the nearest key is {".".join([*parts[:depth], *near])}' if near else ''
        where = f'{above} has no key {part!r}' if above else f'the config has no key {part!r}'
        return f'--cfg-options {key}: {where}, so this adds it{hint}.'
    return None


def _keys_of(level: Any) -> list[str]:
    if isinstance(level, Mapping):
        return [str(key) for key in level]
    if isinstance(level, (list, tuple)):
        return [str(place) for place in range(len(level))]
    return []
