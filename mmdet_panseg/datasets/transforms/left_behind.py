"""Whether a transform moved boxes and left the masks where they were."""

from __future__ import annotations

import numpy as np
from mmdet.structures.bbox import get_box_tensor

from mmdet_panseg.datasets.coco.annotation_checks import segmentation_box
from mmdet_panseg.datasets.errors import DatasetError

# In pixels of the image file and as a share of an object's side: what annotated boxes may be off.
_PIXELS, _SHARE = 3.0, 0.1


def require_masks_that_moved(results: dict, mask_boxes: np.ndarray) -> None:
    """Compare the boxes that came through the pipeline with those of the masks.

    Boxes that are loose, clipped or turned differ from those of their masks in size. Boxes of the right size in another
    place, all of an image, or another number of them are the work of a transform that knows no masks, unless they are
    so in the annotation file.

    Args:
        results: Sample with ``gt_bboxes``, ``scale_factor`` and, as loaded, ``instances``.
        mask_boxes: Tight boxes of the masks, shape ``(N, 4)``; zeros for masks that have vanished.

    Raises:
        DatasetError: If masks were left behind.
    """
    boxes = results['gt_bboxes']
    boxes = (boxes if isinstance(boxes, np.ndarray) else get_box_tensor(boxes).numpy()).reshape(-1, 4)
    if len(boxes) != len(mask_boxes):
        fault = f'has {len(boxes)} boxes and {len(mask_boxes)} masks'
    elif _are_elsewhere(boxes, mask_boxes, _PIXELS * max((1.0, *results.get('scale_factor', ())))) and _fit_in_file(
        results
    ):
        fault = 'has boxes of the size of its masks in other places'
    else:
        return
    raise DatasetError(
        'FixClassGT: MixUp, Mosaic, RandomShift, RandomAffine or another transform that moves boxes but no masks '
        f"stands before it: '{results.get('img_path')}' {fault}. Take PanopticMosaic, PanopticCopyPaste, RandomCrop or "
        'RandomResize.'
    )


def _fit_in_file(results: dict) -> bool:
    """Whether the annotations that a sample was made of have masks where their boxes are."""
    for instance in results.get('instances', ()):
        if instance.get('mask'):
            box, around = np.array(instance['bbox']), np.array(segmentation_box(instance['mask']))
            if (np.abs(box - around) > np.maximum(_PIXELS, _SHARE * np.tile(around[2:] - around[:2], 2))).any():
                return False
    return True


def _are_elsewhere(boxes: np.ndarray, mask_boxes: np.ndarray, pixels: float) -> bool:
    sides, mask_sides = boxes[:, 2:] - boxes[:, :2], mask_boxes[:, 2:] - mask_boxes[:, :2]
    allowed = np.maximum(pixels, _SHARE * mask_sides)
    seen = mask_sides.min(axis=1, initial=np.inf) > 0
    same_size = (np.abs(sides - mask_sides) <= allowed).all(axis=1)
    moved = (np.abs(boxes[:, :2] - mask_boxes[:, :2]) > allowed).any(axis=1)
    return bool(seen.any() and (same_size & moved)[seen].all())
