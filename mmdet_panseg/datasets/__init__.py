"""Data sets and transforms, registered with mmdet."""

from .transforms import FixClassGT, PackPanopticInputs

__all__ = ['FixClassGT', 'PackPanopticInputs']
