"""Detectors."""

from .panoptic_solo import PanopticSOLO

__all__ = ['PanopticSOLO']
