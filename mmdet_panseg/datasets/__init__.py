"""Data sets and transforms, registered with mmdet."""

from .checked_coco import CheckedCocoDataset
from .checked_image import LoadCheckedImage
from .errors import AnnotationFileError, BrokenImageError, DatasetError, MissingDataError
from .transforms import FixClassGT, PackPanopticInputs

__all__ = [
    'AnnotationFileError',
    'BrokenImageError',
    'CheckedCocoDataset',
    'DatasetError',
    'FixClassGT',
    'LoadCheckedImage',
    'MissingDataError',
    'PackPanopticInputs',
]
