"""Testing on several views of an image."""

from __future__ import annotations

from .panoptic_tta_model import PanopticTTAModel

__all__ = ['PanopticTTAModel']
