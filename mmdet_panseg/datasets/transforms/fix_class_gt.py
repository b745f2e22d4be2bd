"""Ground truth that is right after augmentation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from mmdet.structures.bbox import HorizontalBoxes

from mmdet_panseg.datasets.errors import DatasetError
from mmdet_panseg.ops import MaskCrops, MaskGeometry, area_averaged_targets, boxed_mask_targets, mask_targets
from mmdet_panseg.structures import BoxedMasks, BoxedTargets

from .instance_keys import keep_instances
from .left_behind import require_masks_that_moved
from .segment_instances import instances_from_segments


@TRANSFORMS.register_module()
class FixClassGT(BaseTransform):
    """Measure the masks as they are after augmentation and make the mask targets.

    Stands after the last geometric transform and before ``PackPanopticInputs``. Boxes, areas and centres of mass are
    those of the masks in the augmented image; objects whose mask has vanished are dropped; crowds get no targets and
    end in ``ignored_instances``.
    Masks are padded as the network's input is and shrunk to the strides of the mask loss
    here, in the data-loading workers, so that the training process neither computes targets nor moves full masks.

    The versions of the method's author are settings of this transform and of the assigner:

    ================  ==========================  ====================================================
    version           ``FixClassGT``              ``SOLOGridAssigner``
    ================  ==========================  ====================================================
    transform_fixgt   ``boxes='annotation'``      ``center='box', grid='unpadded'``
    fixgt v2          ``boxes='mask'``            ``center='box', grid='unpadded'``
    fixgt v4          ``boxes='mask'``            ``center='mass', grid='unpadded'``
    soloassign        ``boxes='mask'``            ``center='mass', grid='padded'``
    ================  ==========================  ====================================================

    After ``LoadPanopticSegments`` the instances are made from the segment map, all in one pass over it, and
    ``gt_seg_map`` becomes the semantic map (labels, void 255).

    All of it is done within the boxes of the objects, so that it costs what they cover.

    Required keys: ``gt_masks``, ``gt_bboxes``, ``gt_bboxes_labels``, ``gt_ignore_flags``; or
    ``gt_seg_map`` (segment map) and ``gt_segments``. Modified keys: these; masks become ``BoxedMasks``. Added keys:
    ``gt_areas`` (N,), ``gt_centers`` (N, 2) and ``gt_mask_targets``, a dict from stride to
    :class:`~mmdet_panseg.structures.BoxedTargets` of shape (N, h, w).

    Args:
        strides: Strides in pixels at which the head compares masks; for mmdet's strides (8, 8, 16, 32, 32) these are
            halves of them, 4, 8 and 16. None makes no targets and leaves the head to do so from full masks.
        min_pixels: Objects with fewer mask pixels are dropped.
        boxes: ``'mask'``, boxes of the masks, or ``'annotation'``, the boxes that came through it.
        size_divisor: Masks are padded to a multiple of it, as the data preprocessor pads images.
        area_averaged: Whether a target pixel is set where half of it is covered; mmdet's rule reads the four pixels in
            its middle.
    """

    def __init__(
        self,
        strides: Sequence[int] | None = (4, 8, 16),
        min_pixels: int = 1,
        boxes: str = 'mask',
        size_divisor: int = 32,
        area_averaged: bool = False,
    ) -> None:
        if boxes not in ('mask', 'annotation'):
            raise ValueError(f"FixClassGT: boxes must be 'mask' or 'annotation', not {boxes!r}")
        if min_pixels < 1:
            raise ValueError(f'FixClassGT: min_pixels must be at least 1, not {min_pixels}')
        bad = [stride for stride in strides or () if stride < 1 or size_divisor % stride]
        if bad:
            raise ValueError(f'FixClassGT: strides {bad} do not divide size_divisor={size_divisor}')
        self.strides = strides
        self.min_pixels = min_pixels
        self.boxes = boxes
        self.size_divisor = size_divisor
        self.shrink = area_averaged_targets if area_averaged else mask_targets

    def transform(self, results: dict) -> dict:
        """Fix one sample.

        Raises:
            DatasetError: If masks or maps have another size than the image, or boxes were moved without their masks.
        """
        if 'gt_segments' in results:
            if self.boxes == 'annotation':
                raise ValueError("FixClassGT(boxes='annotation'): segment maps have no annotated boxes; use 'mask'")
            geometry = instances_from_segments(results, self.min_pixels)
        elif 'gt_masks' in results:
            geometry = self._fix_instances(results)
        else:
            raise KeyError(
                'FixClassGT needs gt_masks or gt_segments: put LoadAnnotations(with_bbox=True, with_mask=True) or '
                'LoadPanopticSegments before it'
            )
        _require_size_of_image(results)
        results['gt_areas'] = geometry.areas
        results['gt_centers'] = geometry.centers
        if self.strides is not None:
            results['gt_mask_targets'] = self._targets(results)
        return results

    def _fix_instances(self, results: dict) -> MaskGeometry:
        """Drop vanished instances and give the measures of the others."""
        masks = BoxedMasks.of(results['gt_masks'])
        geometry = masks.geometry()
        require_masks_that_moved(results, geometry.boxes)
        kept = np.flatnonzero(geometry.areas >= self.min_pixels)
        results['gt_masks'] = masks
        keep_instances(results, kept)
        geometry = MaskGeometry(*(measure[kept] for measure in geometry))
        if self.boxes == 'mask':
            results['gt_bboxes'] = HorizontalBoxes(torch.from_numpy(geometry.boxes))
        return geometry

    def _targets(self, results: dict) -> dict[int, BoxedTargets]:
        """Shrink the padded masks; crowds have no target."""
        masks = results['gt_masks']
        size = tuple(side + -side % self.size_divisor for side in (masks.height, masks.width))
        targets = boxed_mask_targets(_without_crowds(masks.crops, results), self.strides, self.shrink)
        return {
            stride: BoxedTargets.from_crops(own, tuple(side // stride for side in size))
            for stride, own in targets.items()
        }

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(strides={self.strides}, min_pixels={self.min_pixels}, boxes={self.boxes!r}, '
            f'size_divisor={self.size_divisor}, shrink={self.shrink.__name__})'
        )


def _without_crowds(crops: MaskCrops, results: dict) -> MaskCrops:
    """Empty the masks of crowds."""
    crowds = results['gt_ignore_flags'].astype(bool)
    pixels = [crop[:0, :0] if crowd else crop for crop, crowd in zip(crops.pixels, crowds, strict=True)]
    return MaskCrops(pixels, np.where(crowds[:, None], 0, crops.windows))


def _require_size_of_image(results: dict) -> None:
    """Raise if annotations were loaded after a transform that changed the size of the image."""
    wanted = results.get('img_shape')
    masks = results['gt_masks']
    sizes = {'masks': (masks.height, masks.width)}
    if results.get('gt_seg_map') is not None:
        sizes['the semantic map'] = results['gt_seg_map'].shape
    for name, size in sizes.items():
        if wanted is not None and tuple(size) != tuple(wanted[:2]):
            raise DatasetError(
                f"FixClassGT: '{results.get('img_path')}': {name} have height and width {tuple(size)}, the image "
                f'{tuple(wanted[:2])}; put LoadPanopticSegments or LoadAnnotations before Resize and its like in the '
                'pipeline, so that ground truth is resized as well.'
            )
