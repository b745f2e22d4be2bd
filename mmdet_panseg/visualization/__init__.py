"""Drawing of instances and maps, and picture sheets of models."""

from __future__ import annotations

from .colors import class_palette, instance_colors, map_colors
from .drawing import PanopticMap, draw_panoptic_map
from .instance_drawing import Instances, draw_instances
from .picture_sheet import SheetRow, compose_sheet
from .results import PanopticResults, annotated_results, predicted_results
from .semantic_drawing import draw_semantic_map

__all__ = [
    'Instances',
    'PanopticMap',
    'PanopticResults',
    'SheetRow',
    'annotated_results',
    'class_palette',
    'compose_sheet',
    'draw_instances',
    'draw_panoptic_map',
    'draw_semantic_map',
    'instance_colors',
    'map_colors',
    'predicted_results',
]
