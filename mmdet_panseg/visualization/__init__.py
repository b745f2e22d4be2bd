"""Drawing of instances and maps, and of picture sheets: arrays in, arrays out."""

from __future__ import annotations

from .colors import class_palette, instance_colors, map_colors
from .drawing import draw_instances, draw_panoptic_map, draw_semantic_map
from .local_visualizer import PanopticLocalVisualizer
from .picture_sheet import SheetRow, compose_sheet
from .results import (
    ImageResults,
    Instances,
    PanopticMap,
    annotated_results,
    packed_results,
    predicted_instances,
    predicted_results,
)

__all__ = [
    'ImageResults',
    'Instances',
    'PanopticLocalVisualizer',
    'PanopticMap',
    'SheetRow',
    'annotated_results',
    'class_palette',
    'compose_sheet',
    'draw_instances',
    'draw_panoptic_map',
    'draw_semantic_map',
    'instance_colors',
    'map_colors',
    'packed_results',
    'predicted_instances',
    'predicted_results',
]
