"""Heads of the SOLO family and the components that vary them."""

from __future__ import annotations

from .cell_classifiers import PerLevelCellClassifier, SharedCellClassifier
from .cell_masks.ellipse_position import EllipsePosition
from .cell_masks.mask_pooled_classifier import MaskPooledClassifier
from .cell_masks.supervision import CommonStrideSupervision, FractionSupervision, PerLevelSupervision
from .cell_masks.suppression import GreedyMaskNMS, MatrixNMS
from .semantic.semantic_fpn_head import SemanticFPNHead
from .semantic.shared_tower_semantic_head import SharedTowerSemanticHead
from .sparse_decoupled_solo_head import SparseDecoupledSOLOHead
from .sparse_decoupled_solo_light_head import SparseDecoupledSOLOLightHead
from .sparse_solo_head import SparseSOLOHead
from .sparse_solo_v2_head import SparseSOLOV2Head

__all__ = [
    'CommonStrideSupervision',
    'EllipsePosition',
    'FractionSupervision',
    'GreedyMaskNMS',
    'MaskPooledClassifier',
    'MatrixNMS',
    'PerLevelCellClassifier',
    'PerLevelSupervision',
    'SemanticFPNHead',
    'SharedCellClassifier',
    'SharedTowerSemanticHead',
    'SparseDecoupledSOLOHead',
    'SparseDecoupledSOLOLightHead',
    'SparseSOLOHead',
    'SparseSOLOV2Head',
]
