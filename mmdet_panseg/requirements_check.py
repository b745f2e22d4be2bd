"""Checks that the installed libraries can carry this package."""

from __future__ import annotations

import importlib
import importlib.util

_SETUP = 'tools/setup_env.sh installs a tested set; docs/install.md has the commands to do it by hand'
_REQUIREMENTS = {
    'torch': ('torch', '2.4'),
    'mmengine': ('onedl-mmengine', '0.10.8'),
    'mmcv': ('onedl-mmcv', '2.3'),
    'mmdet': ('onedl-mmdetection', '3.4'),
}
"""Distribution and lowest version by what is imported."""


class RequirementsError(ImportError):
    """A library is missing, too old, or without what is needed of it."""


def check_requirements() -> None:
    """Make sure that torch, mmengine, mmdet and an mmcv with compiled ops are there.

    Raises:
        RequirementsError: If one is missing or too old, or mmcv has no ops; the message says what to install.
    """
    for name, (distribution, minimum) in _REQUIREMENTS.items():
        if importlib.util.find_spec(name) is None:
            raise RequirementsError(f'mmdet_panseg needs {name}: pip install {distribution}. {_SETUP}.')
        version = importlib.import_module(name).__version__
        if release_of(version) < release_of(minimum):
            raise RequirementsError(
                f"mmdet_panseg needs {name} >= {minimum}, found {version}: pip install '{distribution}>={minimum}'. "
                f'{_SETUP}.'
            )
    try:
        importlib.import_module('mmcv._ext')
    except ImportError as error:
        raise RequirementsError(
            f'mmcv is installed without its compiled ops, or with ops for another torch ({error}). Install it again '
            'beside torch: MMCV_WITH_OPS=1 pip install --no-build-isolation --no-cache-dir --force-reinstall '
            f'--no-deps onedl-mmcv. {_SETUP}.'
        ) from error


def release_of(version: str) -> tuple[int, ...]:
    """Numbers of a version: ``'2.13.0+cpu'`` gives ``(2, 13, 0)``, ``'3.4.2.post1'`` gives ``(3, 4, 2)``."""
    numbers = []
    for part in version.split('+')[0].split('.'):
        digits = part[: len(part) - len(part.lstrip('0123456789'))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)
