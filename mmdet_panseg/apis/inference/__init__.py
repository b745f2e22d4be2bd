"""Prediction on images, folders and videos, and files of what was found."""

from __future__ import annotations

from .coco_records import coco_dataset
from .errors import OutputError, SourceError
from .inferencer import PanopticInferencer, Predictions
from .pictures import draw_prediction
from .prediction import ClassNames, Prediction
from .saving import save_predictions
from .supervision import to_supervision

__all__ = [
    'ClassNames',
    'OutputError',
    'PanopticInferencer',
    'Prediction',
    'Predictions',
    'SourceError',
    'coco_dataset',
    'draw_prediction',
    'save_predictions',
    'to_supervision',
]
