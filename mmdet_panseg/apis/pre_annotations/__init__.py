"""Predictions for annotation tools and trainings: COCO, Label Studio, CVAT, YOLO."""

from __future__ import annotations

from .write import FORMATS, WrittenAnnotations, write_pre_annotations

__all__ = ['FORMATS', 'WrittenAnnotations', 'write_pre_annotations']
