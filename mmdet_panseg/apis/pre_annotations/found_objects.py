"""The objects of a prediction as annotation tools take them: each with a class, a score and a mask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools import mask as mask_utils

from mmdet_panseg.apis.inference.prediction import Prediction
from mmdet_panseg.ops import MaskPart, mask_parts

POLYGON_TOLERANCE = 0.75
"""How far in pixels the polygons of pre-annotations may lie from the edges of the mask: corners for a hand to move."""


@dataclass(frozen=True)
class FoundObject:
    """An object that becomes an annotation.

    Attributes:
        label: Index of its class.
        score: Its score, or None.
        rle: Its mask, COCO's RLE with ``counts`` as bytes.
    """

    label: int
    score: float | None
    rle: dict[str, Any]

    def mask(self) -> npt.NDArray[np.bool_]:
        """Decode the mask, shape ``(H, W)``."""
        return mask_utils.decode(self.rle).view(bool)

    def parts(self) -> list[MaskPart]:
        """Trace its parts and their holes; see :func:`mask_parts`."""
        return mask_parts(self.mask(), POLYGON_TOLERANCE)


def found_things(prediction: Prediction) -> Iterator[FoundObject]:
    """Give the instances of a prediction that have a pixel, with three digits of their scores."""
    for label, score, rle in zip(prediction.labels, prediction.scores, prediction.masks, strict=True):
        if mask_utils.area(rle):
            yield FoundObject(int(label), round(float(score), 3), rle)


def found_stuff(prediction: Prediction) -> Iterator[FoundObject]:
    """Give the segments of stuff in the panoptic map; none where the model makes no map."""
    for info in prediction.segments_info or ():
        if not info['isthing']:
            mask = prediction.panoptic_map == info['id']
            yield FoundObject(int(info['category_id']), None, mask_utils.encode(np.asfortranarray(mask, np.uint8)))
