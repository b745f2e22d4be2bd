"""Prediction on images, folders and videos, and files of what was found."""

from __future__ import annotations

from .errors import OutputError, SourceError
from .inferencer import PanopticInferencer, Predictions
from .pictures import draw_prediction
from .prediction import ClassNames, Prediction
from .saving import save_predictions

__all__ = [
    'ClassNames',
    'OutputError',
    'PanopticInferencer',
    'Prediction',
    'Predictions',
    'SourceError',
    'draw_prediction',
    'save_predictions',
]
