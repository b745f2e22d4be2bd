"""Panoptic segmentation by locations, as a plugin of mmdetection.

``custom_imports = dict(imports=['mmdet_panseg'])`` in a config adds the package's parts to mmdet's registries.
"""

from __future__ import annotations

from .mmdet_import import import_mmdet
from .requirements_check import check_requirements

check_requirements()
import_mmdet()

from . import datasets, engine, evaluation, models, visualization  # noqa: E402
from .version import __version__  # noqa: E402

__all__ = ['__version__', 'datasets', 'engine', 'evaluation', 'models', 'visualization']
