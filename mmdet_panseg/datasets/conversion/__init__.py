"""Conversion of other annotations to COCO panoptic and instance files."""

from __future__ import annotations

from .label_classes import ClassList, LabelClass, choose_label_classes, read_class_list
from .summary import ClassCounts, ConversionSummary, SplitCounts
from .writer import WEAK_INSTANCES, semantic_to_panoptic

__all__ = [
    'WEAK_INSTANCES',
    'ClassCounts',
    'ClassList',
    'ConversionSummary',
    'LabelClass',
    'SplitCounts',
    'choose_label_classes',
    'read_class_list',
    'semantic_to_panoptic',
]
