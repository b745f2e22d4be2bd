"""Metrics, registered with mmdet."""

from __future__ import annotations

from .checked_coco_metric import CheckedCocoMetric
from .checked_lvis_metric import CheckedLVISMetric
from .errors import EvaluationError
from .panoptic_quality_metric import PanopticQualityMetric
from .semantic_iou_metric import SemanticIoUMetric

__all__ = ['CheckedCocoMetric', 'CheckedLVISMetric', 'EvaluationError', 'PanopticQualityMetric', 'SemanticIoUMetric']
