"""Keep what a run was started with."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmdet_panseg.engine.checkpoints.atomic_backend import write_atomically

_DISTRIBUTIONS = ('torch', 'numpy', 'onedl-mmengine', 'onedl-mmcv', 'onedl-mmdetection', 'pycocotools')
_MODULES = ('mmengine', 'mmcv', 'mmdet', 'mmdet_panseg')


def versions() -> dict[str, str | None]:
    """Look up the versions of Python, the platform, the libraries and this package.

    Returns:
        Version by name; None for what is not installed. ``git_revision`` is that of the folder this package
        runs from, ``+changes`` marks uncommitted ones, and it is None outside a repository.
    """
    found: dict[str, str | None] = {
        'python': platform.python_version(),
        'platform': platform.platform(),
        'cuda': torch.version.cuda,
        'git_revision': _git_revision(),
    }
    for name in _DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    for name in _MODULES:
        found[name] = getattr(sys.modules.get(name), '__version__', None)
    return found


def _git_revision() -> str | None:
    root = Path(__file__).resolve().parents[2]
    if not (root / '.git').exists():
        return None
    try:
        revision = _git(root, 'rev-parse', 'HEAD')
        return revision + ('+changes' if _git(root, 'status', '--porcelain', '--untracked-files=no') else '')
    except (OSError, subprocess.SubprocessError):
        return None


def _git(root: Path, *arguments: str) -> str:
    command = ['git', '-C', str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout.strip()


def write_run_record(command: str, config: Config, arguments: Mapping[str, Any]) -> Path:
    """Write arguments, resolved config and versions of a run to its work dir.

    Args:
        command: Name of the command, for example ``train``.
        config: The resolved config; its ``work_dir`` is the place.
        arguments: What the command line was given.

    Returns:
        The file, ``run_<command>_<date>_<time>.json``; a resumed run writes another one.
    """
    now = time.strftime('%Y%m%d_%H%M%S')
    record = {
        'command': command,
        'started': now,
        'command_line': sys.argv,
        'arguments': dict(arguments),
        'versions': versions(),
        'config_file': config.filename,
        'config': config.to_dict(),
    }
    path = Path(config.work_dir, f'run_{command}_{now}.json')
    # classes and functions in configs have no JSON form; their names say enough
    write_atomically((json.dumps(record, indent=2, default=repr) + '\n').encode(), path)
    return path
