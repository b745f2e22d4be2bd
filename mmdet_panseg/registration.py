"""What importing the package does: it adds its parts to mmdet's registries."""

from __future__ import annotations

import functools
import importlib
import sys
from pathlib import Path

from .mmdet_import import import_mmdet
from .requirements_check import check_requirements

PARTS = ('registry', 'datasets', 'engine', 'evaluation', 'models', 'visualization')


@functools.cache
def register_parts() -> None:
    """Import all that registers something.

    Raises:
        RequirementsError: If a library is missing or too old.
    """
    check_requirements()
    import_mmdet()
    for part in PARTS:
        importlib.import_module(f'mmdet_panseg.{part}')


def is_console_command() -> bool:
    """Whether this process is ``panseg``, which registers when a command needs it.

    So ``panseg --help`` takes no seconds, and ``panseg check`` can tell what is missing.
    """
    return Path(sys.argv[0]).stem == 'panseg' if sys.argv else False
