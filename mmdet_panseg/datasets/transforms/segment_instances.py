"""Instances and semantic map of a segment map."""

from __future__ import annotations

import numpy as np
import torch
from mmdet.structures.bbox import HorizontalBoxes

from mmdet_panseg.ops import MaskGeometry, segment_crops, segment_geometry
from mmdet_panseg.structures import BoxedMasks


def instances_from_segments(results: dict, min_pixels: int) -> MaskGeometry:
    """Replace a sample's segment map by its semantic map and mmdet's keys of instances.

    Instances are the rows with ``is_instance`` and, with ignore flags, the crowds of things; all in the order of rows.

    Args:
        results: Sample with ``gt_seg_map`` (rows) and ``gt_segments``. The latter is removed; ``gt_seg_map`` becomes
            the semantic map, uint8, void 255. Added: ``gt_masks``, ``gt_bboxes``, ``gt_bboxes_labels``,
            ``gt_ignore_flags``.
        min_pixels: Instances with fewer pixels are dropped; the semantic map keeps their pixels.

    Returns:
        Measures of the instances, in pixels.
    """
    table = results.pop('gt_segments')
    segment_map = results['gt_seg_map']
    geometry = segment_geometry(segment_map, len(table))
    chosen = table.is_instance | (table.is_thing & table.is_crowd)
    rows = np.flatnonzero(chosen & (geometry.areas >= min_pixels))
    geometry = MaskGeometry(*(measure[rows] for measure in geometry))
    results['gt_masks'] = BoxedMasks(segment_crops(segment_map, rows, geometry.boxes), *segment_map.shape)
    results['gt_bboxes'] = HorizontalBoxes(torch.from_numpy(geometry.boxes))
    results['gt_bboxes_labels'] = table.labels[rows]
    results['gt_ignore_flags'] = ~table.is_instance[rows]
    results['gt_seg_map'] = table.semantic_map(segment_map)
    return geometry
