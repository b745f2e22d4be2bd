"""Detectors."""

from __future__ import annotations

from .panoptic_solo import PanopticSOLO

__all__ = ['PanopticSOLO']
