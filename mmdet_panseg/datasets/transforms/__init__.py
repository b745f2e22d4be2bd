"""Transforms of the data pipeline."""

from __future__ import annotations

from .filter_categories import FilterCategories
from .fix_class_gt import FixClassGT
from .load_boxed_annotations import LoadBoxedAnnotations
from .load_panoptic_segments import LoadPanopticSegments
from .map_semantic_labels import MapSemanticLabels
from .pack_panoptic_inputs import PackPanopticInputs
from .panoptic_copy_paste import PanopticCopyPaste
from .panoptic_mosaic import PanopticMosaic
from .remove_crowds import RemoveCrowds
from .split_stuff_islands import SplitStuffIslands

__all__ = [
    'FilterCategories',
    'FixClassGT',
    'LoadBoxedAnnotations',
    'LoadPanopticSegments',
    'MapSemanticLabels',
    'PackPanopticInputs',
    'PanopticCopyPaste',
    'PanopticMosaic',
    'RemoveCrowds',
    'SplitStuffIslands',
]
