"""Fusion of the branches' results."""

from __future__ import annotations

from .panoptic_solo_fusion_head import PanopticSOLOFusionHead

__all__ = ['PanopticSOLOFusionHead']
