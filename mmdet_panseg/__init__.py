"""Panoptic segmentation by locations, as a plugin of mmdetection.

``custom_imports = dict(imports=['mmdet_panseg'])`` in a config adds the package's parts to mmdet's registries.
"""

from __future__ import annotations

from .registration import is_console_command, register_parts
from .version import __version__

if not is_console_command():
    register_parts()

__all__ = ['__version__', 'datasets', 'engine', 'evaluation', 'models', 'visualization']  # noqa: F822
