"""Data sets and transforms, registered with mmdet."""

from __future__ import annotations

from .checked_concat import CheckedConcatDataset
from .coco import CheckedCocoDataset, CheckedCocoPanopticDataset
from .errors import AnnotationFileError, BrokenImageError, DatasetError, MissingDataError
from .images import LoadCheckedImage
from .transforms import (
    FilterCategories,
    FixClassGT,
    LoadBoxedAnnotations,
    LoadPanopticSegments,
    MapSemanticLabels,
    PackPanopticInputs,
    PanopticCopyPaste,
    PanopticMosaic,
    RemoveCrowds,
    SplitStuffIslands,
)

__all__ = [
    'AnnotationFileError',
    'BrokenImageError',
    'CheckedCocoDataset',
    'CheckedCocoPanopticDataset',
    'CheckedConcatDataset',
    'DatasetError',
    'FilterCategories',
    'FixClassGT',
    'LoadCheckedImage',
    'LoadBoxedAnnotations',
    'LoadPanopticSegments',
    'MapSemanticLabels',
    'MissingDataError',
    'PackPanopticInputs',
    'PanopticCopyPaste',
    'PanopticMosaic',
    'RemoveCrowds',
    'SplitStuffIslands',
]
