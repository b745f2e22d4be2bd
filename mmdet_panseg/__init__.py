"""Panoptic segmentation by locations, as a plugin of mmdetection.

``custom_imports = dict(imports=['mmdet_panseg'])`` in a config adds the package's parts to mmdet's registries.
"""

from __future__ import annotations

import importlib

from .registration import is_console_command, register_parts
from .version import __version__

if not is_console_command():
    register_parts()

_LAZY = {'PanopticInferencer': 'mmdet_panseg.apis.inference'}

__all__ = ['PanopticInferencer', '__version__', 'datasets', 'engine', 'evaluation', 'models', 'visualization']  # noqa: F822


def __getattr__(name: str) -> object:
    """Import what notebooks use when they ask for it: configs import the package as well, and need none of that."""
    if name not in _LAZY:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
