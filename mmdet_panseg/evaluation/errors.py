"""Errors of the metrics; each text names the image, the key and the remedy."""

from __future__ import annotations

from mmdet_panseg.errors import UserError


class EvaluationError(UserError, ValueError):
    """Predictions, ground truth and classes do not fit together, so there is nothing to compute."""
