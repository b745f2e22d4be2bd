"""Loading of instances whose masks stay in their boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmdet.datasets.transforms import LoadAnnotations
from mmdet.registry import TRANSFORMS

from mmdet_panseg.datasets.errors import DatasetError
from mmdet_panseg.ops import crop_from_segmentation, joined_crops
from mmdet_panseg.structures import BoxedMasks


@TRANSFORMS.register_module()
class LoadBoxedAnnotations(LoadAnnotations):
    """mmdet's ``LoadAnnotations`` with masks that cost what they cover.

    ``gt_masks`` are :class:`~mmdet_panseg.structures.BoxedMasks`, equal to the ``BitmapMasks`` that
    ``LoadAnnotations`` makes of polygons and run lengths. All of mmdet's transforms take them, and so do its models.

    Args:
        with_mask: Whether masks are loaded.
        **kwargs: Further arguments of ``LoadAnnotations``, but ``poly2mask``.

    Raises:
        ValueError: If ``poly2mask`` is false: polygons are filled.
    """

    def __init__(self, with_mask: bool = True, **kwargs: Any) -> None:
        super().__init__(with_mask=with_mask, **kwargs)
        if not self.poly2mask:
            raise ValueError('LoadBoxedAnnotations fills polygons: leave poly2mask out, or take LoadAnnotations')

    def _load_masks(self, results: dict) -> None:
        size = tuple(results['ori_shape'])
        try:
            crops = [_crop(mask, size) for mask in self._process_masks(results)]
        except ValueError as error:
            raise DatasetError(f"LoadBoxedAnnotations: '{results.get('img_path')}': {error}") from error
        results['gt_masks'] = BoxedMasks(joined_crops(crops), *size)


def _crop(mask: list[np.ndarray] | dict[str, Any], size: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    """Draw a mask in its box; its pixels, bool, and the left column and top row of the box."""
    if isinstance(mask, dict) and tuple(mask['size']) != size:
        raise ValueError(f"a mask's 'size' is {list(mask['size'])}, height and width of the image are {list(size)}")
    return crop_from_segmentation(mask, size)
