"""Drawing of instances and maps, and picture sheets of models."""

from __future__ import annotations

from .colors import class_palette, instance_colors, map_colors
from .detector_sheet import detector_sheet, load_annotated_dataset, load_detector, predict, predicted_instances
from .instance_drawing import Instances, draw_instances
from .panoptic_drawing import PanopticMap, draw_panoptic_map
from .panoptic_results import PanopticResults, annotated_results, predicted_results
from .picture_sheet import SheetRow, compose_sheet
from .semantic_drawing import draw_semantic_map

__all__ = [
    'Instances',
    'PanopticMap',
    'PanopticResults',
    'SheetRow',
    'annotated_results',
    'class_palette',
    'compose_sheet',
    'detector_sheet',
    'draw_instances',
    'draw_panoptic_map',
    'draw_semantic_map',
    'instance_colors',
    'load_annotated_dataset',
    'load_detector',
    'map_colors',
    'predict',
    'predicted_instances',
    'predicted_results',
]
