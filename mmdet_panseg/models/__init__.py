"""Networks and their components, registered with mmdet."""

from __future__ import annotations

from .assigners import MaskCellAssigner, RandomNegativeCells, SOLOGridAssigner
from .backbones import EfficientNetLite
from .detectors import PanopticSOLO
from .fusion_heads import PanopticSOLOFusionHead
from .heads import (
    CommonStrideSupervision,
    GreedyMaskNMS,
    MatrixNMS,
    PerLevelCellClassifier,
    PerLevelSupervision,
    SemanticFPNHead,
    SharedCellClassifier,
    SharedTowerSemanticHead,
    SparseDecoupledSOLOHead,
    SparseDecoupledSOLOLightHead,
    SparseSOLOHead,
    SparseSOLOV2Head,
)
from .losses import LossNormalizer, SmoothDiceLoss
from .necks import ConvolvedFPN
from .test_time_augs import PanopticTTAModel

__all__ = [
    'CommonStrideSupervision',
    'ConvolvedFPN',
    'EfficientNetLite',
    'GreedyMaskNMS',
    'LossNormalizer',
    'MaskCellAssigner',
    'MatrixNMS',
    'PanopticSOLO',
    'PanopticSOLOFusionHead',
    'PanopticTTAModel',
    'PerLevelCellClassifier',
    'PerLevelSupervision',
    'RandomNegativeCells',
    'SOLOGridAssigner',
    'SemanticFPNHead',
    'SharedCellClassifier',
    'SharedTowerSemanticHead',
    'SmoothDiceLoss',
    'SparseDecoupledSOLOHead',
    'SparseDecoupledSOLOLightHead',
    'SparseSOLOHead',
    'SparseSOLOV2Head',
]
