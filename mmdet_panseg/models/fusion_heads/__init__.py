"""Fusion of the branches' results."""

from .panoptic_solo_fusion_head import PanopticSOLOFusionHead

__all__ = ['PanopticSOLOFusionHead']
