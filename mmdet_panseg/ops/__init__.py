"""The mathematics of the method: pure functions on tensors, without registry, config or model."""

from __future__ import annotations

from .averaged_argmax import averaged_argmax
from .best_channels import MAX_CHANNELS, best_channels
from .blended_rows import BlendedRows, LogitBand, split_band
from .boxed_targets import boxed_mask_targets
from .cell_masks import at_least_float32, cell_mask_logits, masks_per_chunk, resize_masks
from .class_peaks import flatten_levels, suppress_non_peaks
from .confusion_matrix import SemanticQuality, confusion_matrix, semantic_quality
from .coordinates import coordinate_channels
from .dice import dice_loss
from .ellipses import ELLIPSE_PARAMETERS, add_ellipses
from .greedy_mask_nms import greedy_mask_nms
from .grid_assignment import (
    GridCells,
    cell_centers,
    cells_of_windows,
    grid_windows,
    levels_of_scales,
    priority_by_area,
    resolve_collisions,
    split_levels,
)
from .index_lists import distinct_indices, places_of
from .islands import Islands, split_islands
from .majority_vote import majority_labels
from .map_values import INSTANCE_OFFSET, MAX_PANOPTIC_ID, MAX_SEGMENTS, VOID_LABEL, VOID_ROW
from .mask_crops import MaskCrops, crops_of_masks, joined_crops
from .mask_geometry import MaskGeometry, boxes_from_masks, mask_geometry
from .mask_overlap import best_class_ious, chosen_ious, iou_from_intersections, mask_intersections
from .mask_polygons import MaskPart, join_rings, mask_parts, ring_area
from .mask_pooling import pool_masks
from .mask_probabilities import mean_mask_probabilities
from .mask_targets import area_averaged_targets, mask_targets
from .matrix_nms import matrix_nms_decay
from .panoptic_fusion import PanopticSegments, fuse_panoptic
from .panoptic_ids import ids_from_rgb, rgb_from_ids
from .panoptic_quality import (
    PanopticCounts,
    PanopticQuality,
    QualityMeans,
    add_panoptic_counts,
    panoptic_counts,
    panoptic_quality,
)
from .pixel_pairs import PixelPairs, count_pixel_pairs
from .pyramid import align_pyramid, aligned_strides
from .rle import crop_from_rle, crop_from_segmentation, rle_code, rle_from_crop, rle_intersection
from .rle_encoding import rle_codes, rle_codes_of_masks
from .rle_fusion import RleSegment, fuse_rle
from .segment_geometry import segment_crops, segment_geometry
from .segment_map import SegmentMap, segment_map_from_ids
from .segment_table import SegmentTable, join_segments, merge_segments, segment_rows, whole_segments
from .tile_grid import blend_weights, tile_starts
from .tile_merging import MergedInstances, TileInstances, merge_tile_instances
from .upsampled_convolution import upsampled_convolution
from .view_maps import ViewMaps, binary_masks, cell_positions, maps_of_image, sampled_maps
from .view_matching import averaged_masks, averaged_rows, match_views, mean_scores

__all__ = [
    'join_rings',
    'mask_parts',
    'ring_area',
    'MAX_CHANNELS',
    'best_channels',
    'best_class_ious',
    'pool_masks',
    'ELLIPSE_PARAMETERS',
    'add_ellipses',
    'INSTANCE_OFFSET',
    'MAX_PANOPTIC_ID',
    'MAX_SEGMENTS',
    'VOID_LABEL',
    'VOID_ROW',
    'BlendedRows',
    'LogitBand',
    'MergedInstances',
    'RleSegment',
    'TileInstances',
    'ViewMaps',
    'averaged_argmax',
    'averaged_masks',
    'averaged_rows',
    'binary_masks',
    'cell_positions',
    'maps_of_image',
    'match_views',
    'mean_scores',
    'sampled_maps',
    'GridCells',
    'Islands',
    'MaskCrops',
    'MaskGeometry',
    'crop_from_segmentation',
    'crops_of_masks',
    'joined_crops',
    'MaskPart',
    'PanopticCounts',
    'PanopticQuality',
    'PanopticSegments',
    'PixelPairs',
    'QualityMeans',
    'SegmentMap',
    'SegmentTable',
    'SemanticQuality',
    'add_panoptic_counts',
    'align_pyramid',
    'aligned_strides',
    'area_averaged_targets',
    'blend_weights',
    'at_least_float32',
    'boxed_mask_targets',
    'boxes_from_masks',
    'cell_centers',
    'cell_mask_logits',
    'cells_of_windows',
    'chosen_ious',
    'confusion_matrix',
    'coordinate_channels',
    'crop_from_rle',
    'count_pixel_pairs',
    'dice_loss',
    'distinct_indices',
    'flatten_levels',
    'fuse_panoptic',
    'fuse_rle',
    'greedy_mask_nms',
    'grid_windows',
    'ids_from_rgb',
    'iou_from_intersections',
    'join_segments',
    'levels_of_scales',
    'majority_labels',
    'mask_geometry',
    'mask_intersections',
    'mask_targets',
    'masks_per_chunk',
    'matrix_nms_decay',
    'mean_mask_probabilities',
    'merge_segments',
    'merge_tile_instances',
    'panoptic_counts',
    'places_of',
    'panoptic_quality',
    'priority_by_area',
    'resize_masks',
    'resolve_collisions',
    'rgb_from_ids',
    'rle_code',
    'rle_codes',
    'rle_codes_of_masks',
    'rle_from_crop',
    'rle_intersection',
    'segment_geometry',
    'segment_map_from_ids',
    'segment_crops',
    'segment_rows',
    'semantic_quality',
    'split_islands',
    'suppress_non_peaks',
    'upsampled_convolution',
    'whole_segments',
    'split_band',
    'split_levels',
    'tile_starts',
]
