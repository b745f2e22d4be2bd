"""Checks that the installed libraries can carry this package."""

import importlib
import importlib.util

_SETUP = 'tools/setup_env.sh installs a tested set; README.md has the commands to do it by hand'
_MINIMUM = {'torch': '2.4', 'mmengine': '0.10', 'mmdet': '3.0'}
_DISTRIBUTION = {'mmengine': 'onedl-mmengine', 'mmdet': 'onedl-mmdetection', 'torch': 'torch', 'mmcv': 'onedl-mmcv'}


def check_requirements() -> None:
    """Make sure that torch, mmengine, mmdet and an mmcv with compiled ops are there.

    Raises:
        ImportError: If one is missing or too old, or mmcv has no ops; the message says what to install.
    """
    for name in ('torch', 'mmengine', 'mmcv', 'mmdet'):
        if importlib.util.find_spec(name) is None:
            raise ImportError(f'mmdet_panseg needs {name}: pip install {_DISTRIBUTION[name]}. {_SETUP}.')
    _check_ops()
    for name, minimum in _MINIMUM.items():
        version = importlib.import_module(name).__version__
        if _release(version) < _release(minimum):
            raise ImportError(
                f'mmdet_panseg needs {name} >= {minimum}, found {version}: '
                f"pip install '{_DISTRIBUTION[name]}>={minimum}'. {_SETUP}."
            )


def _check_ops() -> None:
    # The extension links against torch's libraries.
    importlib.import_module('torch')
    try:
        importlib.import_module('mmcv._ext')
    except ImportError as error:
        raise ImportError(
            f'mmcv is installed without its compiled ops, or with ops for another torch ({error}). Install it again '
            'beside torch: MMCV_WITH_OPS=1 pip install --no-build-isolation --no-cache-dir --force-reinstall '
            f'--no-deps onedl-mmcv. {_SETUP}.'
        ) from error


def _release(version: str) -> tuple[int, ...]:
    numbers = []
    for part in version.split('+')[0].split('.'):
        digits = ''.join(character for character in part if character.isdigit())
        if not part[:1].isdigit():
            break
        numbers.append(int(digits))
    return tuple(numbers)
