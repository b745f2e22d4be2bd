"""Data sets and transforms, registered with mmdet."""

from .checked_coco import CheckedCocoDataset
from .checked_coco_panoptic import CheckedCocoPanopticDataset
from .checked_image import LoadCheckedImage
from .errors import AnnotationFileError, BrokenImageError, DatasetError, MissingDataError
from .transforms import (
    FilterCategories,
    FixClassGT,
    LoadPanopticSegments,
    MapSemanticLabels,
    PackPanopticInputs,
    RemoveCrowds,
    SplitStuffIslands,
)

__all__ = [
    'AnnotationFileError',
    'BrokenImageError',
    'CheckedCocoDataset',
    'CheckedCocoPanopticDataset',
    'DatasetError',
    'FilterCategories',
    'FixClassGT',
    'LoadCheckedImage',
    'LoadPanopticSegments',
    'MapSemanticLabels',
    'MissingDataError',
    'PackPanopticInputs',
    'RemoveCrowds',
    'SplitStuffIslands',
]
