"""COCO annotation files, of instances and panoptic, and the data sets that read them."""

from __future__ import annotations

from .checked_coco import CheckedCocoDataset
from .checked_coco_panoptic import CheckedCocoPanopticDataset

__all__ = ['CheckedCocoDataset', 'CheckedCocoPanopticDataset']
