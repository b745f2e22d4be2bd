"""Heads of the SOLO family and the components that vary them."""

from .cell_classifiers import PerLevelCellClassifier, SharedCellClassifier
from .mask_supervision import CommonStrideSupervision, PerLevelSupervision
from .semantic_fpn_head import SemanticFPNHead
from .sparse_solo_head import SparseSOLOHead
from .suppression import GreedyMaskNMS, MatrixNMS

__all__ = [
    'CommonStrideSupervision',
    'GreedyMaskNMS',
    'MatrixNMS',
    'PerLevelCellClassifier',
    'PerLevelSupervision',
    'SemanticFPNHead',
    'SharedCellClassifier',
    'SparseSOLOHead',
]
