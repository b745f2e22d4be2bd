"""What a notebook imports: models with their data, and pictures of what they find."""

from __future__ import annotations

from mmdet_panseg.visualization import Instances, PanopticMap, draw_instances, draw_panoptic_map, draw_semantic_map

from .detector_sheet import detector_sheet, load_annotated_dataset, load_detector, predict, predicted_instances

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
    'predicted_instances',
]
