"""What a notebook imports: models with their data, and pictures of what they find."""

from __future__ import annotations

from mmdet_panseg.visualization import Instances, PanopticMap, draw_instances, draw_panoptic_map, draw_semantic_map

from .annotated_dataset import load_annotated_dataset
from .detector import load_detector, predict
from .detector_sheet import detector_sheet

__all__ = [
    'Instances',
    'PanopticMap',
    'detector_sheet',
    'draw_instances',
    'draw_panoptic_map',
    'draw_semantic_map',
    'load_annotated_dataset',
    'load_detector',
    'predict',
]
