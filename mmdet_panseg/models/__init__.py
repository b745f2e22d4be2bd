"""Networks and their components, registered with mmdet."""

from .assigners import MaskCellAssigner, RandomNegativeCells, SOLOGridAssigner
from .backbones import EfficientNetLite
from .heads import (
    CommonStrideSupervision,
    GreedyMaskNMS,
    MatrixNMS,
    PerLevelCellClassifier,
    PerLevelSupervision,
    SharedCellClassifier,
    SparseSOLOHead,
)
from .losses import LossNormalizer, SmoothDiceLoss

__all__ = [
    'CommonStrideSupervision',
    'EfficientNetLite',
    'GreedyMaskNMS',
    'LossNormalizer',
    'MaskCellAssigner',
    'MatrixNMS',
    'PerLevelCellClassifier',
    'PerLevelSupervision',
    'RandomNegativeCells',
    'SOLOGridAssigner',
    'SharedCellClassifier',
    'SmoothDiceLoss',
    'SparseSOLOHead',
]
