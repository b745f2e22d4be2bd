"""What a notebook imports: drawing of instances, and picture sheets of detectors."""

from .colors import class_palette, instance_colors
from .detector_sheet import detector_sheet, load_annotated_dataset, load_detector, predicted_instances
from .instance_drawing import Instances, draw_instances
from .picture_sheet import SheetRow, compose_sheet

__all__ = [
    'Instances',
    'SheetRow',
    'class_palette',
    'compose_sheet',
    'detector_sheet',
    'draw_instances',
    'instance_colors',
    'load_annotated_dataset',
    'load_detector',
    'predicted_instances',
]
