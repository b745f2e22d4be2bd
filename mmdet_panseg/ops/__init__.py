"""The mathematics of the method: pure functions on tensors, without registry, config or model."""

from .cell_masks import at_least_float32, cell_mask_logits, masks_per_chunk, resize_masks
from .class_peaks import flatten_levels, suppress_non_peaks
from .coordinates import coordinate_channels
from .dice import dice_loss
from .greedy_mask_nms import greedy_mask_nms
from .grid_assignment import (
    GridCells,
    cells_of_windows,
    grid_windows,
    level_bounds,
    levels_of_scales,
    priority_by_area,
    resolve_collisions,
)
from .mask_geometry import MaskGeometry, boxes_from_masks, mask_geometry
from .mask_overlap import iou_from_intersections, mask_intersections
from .mask_targets import area_averaged_targets, mask_targets
from .matrix_nms import matrix_nms_decay
from .pyramid import align_pyramid, aligned_strides

__all__ = [
    'GridCells',
    'MaskGeometry',
    'align_pyramid',
    'aligned_strides',
    'area_averaged_targets',
    'at_least_float32',
    'boxes_from_masks',
    'cell_mask_logits',
    'cells_of_windows',
    'coordinate_channels',
    'dice_loss',
    'flatten_levels',
    'greedy_mask_nms',
    'grid_windows',
    'iou_from_intersections',
    'level_bounds',
    'levels_of_scales',
    'mask_geometry',
    'mask_intersections',
    'mask_targets',
    'masks_per_chunk',
    'matrix_nms_decay',
    'priority_by_area',
    'resize_masks',
    'resolve_collisions',
    'suppress_non_peaks',
]
