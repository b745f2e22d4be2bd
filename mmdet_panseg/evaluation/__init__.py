"""Metrics, registered with mmdet."""

from __future__ import annotations

from .checked_coco_metric import CheckedCocoMetric
from .errors import EvaluationError
from .panoptic_quality_metric import PanopticQualityMetric
from .semantic_iou_metric import SemanticIoUMetric

__all__ = ['CheckedCocoMetric', 'EvaluationError', 'PanopticQualityMetric', 'SemanticIoUMetric']
