"""Transforms of the data pipeline."""

from .fix_class_gt import FixClassGT
from .pack_panoptic_inputs import PackPanopticInputs

__all__ = ['FixClassGT', 'PackPanopticInputs']
