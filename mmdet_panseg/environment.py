"""What a run or a bug report says about the machine; importing this imports nothing that may be broken."""

from __future__ import annotations

import importlib
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .requirements_check import check_requirements

_DISTRIBUTIONS = ('torch', 'numpy', 'onedl-mmengine', 'onedl-mmcv', 'onedl-mmdetection', 'pycocotools')
_MODULES = ('mmengine', 'mmcv', 'mmdet', 'mmdet_panseg')
_OPTIONAL = ('av', 'onnx', 'onnxruntime', 'openvino', 'supervision', 'tensorboard')


def versions() -> dict[str, str | None]:
    """Look up the versions of Python, the platform, the libraries and this package.

    Returns:
        Version by name; None for what is not installed or, of modules, not imported. ``git_revision`` is that of the
        folder this package runs from, ``+changes`` marks uncommitted ones, and it is None outside a repository.
    """
    found: dict[str, str | None] = {
        'python': platform.python_version(),
        'platform': platform.platform(),
        'cuda': getattr(getattr(sys.modules.get('torch'), 'version', None), 'cuda', None),
        'git_revision': _git_revision(),
    }
    found |= {name: _distribution_version(name) for name in _DISTRIBUTIONS}
    for name in _MODULES:
        found[name] = getattr(sys.modules.get(name), '__version__', None)
    return found


def environment_report() -> dict[str, str]:
    """Collect what a bug report needs, whatever is missing or broken.

    Returns:
        Text by title: versions, devices, whether mmcv's ops load, and whether this package does.
    """
    devices, ops = _devices(), _ops()  # import torch and mmcv, whose versions are told then
    report = {name: value or 'not installed' for name, value in versions().items() if name not in ('cuda', *_MODULES)}
    report |= {name: _distribution_version(name) or 'not installed (optional)' for name in _OPTIONAL}
    report |= {'interpreter': sys.executable, 'devices': devices, 'mmcv ops': ops, 'mmdet_panseg': _package()}
    return report


def _distribution_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _devices() -> str:
    try:
        torch = importlib.import_module('torch')
    except Exception as error:
        return f'torch does not import: {error}'
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    cuda = f'CUDA {torch.version.cuda}' if torch.version.cuda else 'torch is built without CUDA'
    return f'{cores} CPU cores, {torch.get_num_threads()} threads; {", ".join(gpus) or "no GPU"} ({cuda})'


def _ops() -> str:
    try:
        ops = importlib.import_module('mmcv._ext')
    except Exception as error:
        return f'do not load: {error}'
    return "none (OPS=none): mmdet's two-stage models do not run" if hasattr(ops, 'IS_STAND_IN') else 'compiled, load'


def _package() -> str:
    from .version import __version__

    folder = Path(__file__).parent
    try:
        check_requirements()
    except ImportError as error:
        return f'{__version__} in {folder}: {error}'
    return f'{__version__} in {folder}'


def _git_revision() -> str | None:
    root = Path(__file__).resolve().parents[1]
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
