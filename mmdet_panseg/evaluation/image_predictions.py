"""What a metric of instances keeps of an image until the end: boxes, scores, and masks as run lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from mmdet.structures.mask import BaseInstanceMasks

from mmdet_panseg.ops import rle_code, rle_codes, rle_codes_of_masks
from mmdet_panseg.structures import BoxedMasks

from .errors import EvaluationError


@dataclass(frozen=True)
class ImagePredictions:
    """Predicted instances of an image.

    Attributes:
        image_id: Id of the image.
        boxes: ``(x1, y1, x2, y2)`` in pixels, float32, shape ``(N, 4)``.
        labels: Class of each, int64, shape ``(N,)``.
        scores: Scores of the boxes, float32, shape ``(N,)``.
        mask_scores: Scores of the masks, which are those of the boxes in most models, float32, shape ``(N,)``.
        codes: ``counts`` of the run lengths of each mask; None where the model has no masks.
        size: Height and width of the masks.
    """

    image_id: Any
    boxes: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    mask_scores: npt.NDArray[np.float32]
    codes: list[bytes] | None
    size: tuple[int, int]

    @classmethod
    def of_sample(cls, sample: Mapping) -> ImagePredictions:
        """Take the predictions of a data sample.

        Args:
            sample: ``img_id``, ``ori_shape`` and ``pred_instances`` with ``bboxes``, ``labels``, ``scores`` and, where
                there are any, ``mask_scores`` and ``masks``: a tensor of shape ``(N, H, W)``, :class:`BoxedMasks`,
                other masks of mmdet, or a list of run lengths.

        Raises:
            EvaluationError: If ``masks`` are none of these.
        """
        found = sample['pred_instances']
        boxes, labels, scores = (found[key].detach().cpu().numpy() for key in ('bboxes', 'labels', 'scores'))
        mask_scores = found['mask_scores'].detach().cpu().numpy() if 'mask_scores' in found else scores
        size = tuple(sample['ori_shape'][:2])
        codes = None
        if 'masks' in found:
            codes, size = _codes(found['masks'], size, sample['img_id'])
        return cls(sample['img_id'], boxes, labels, scores, mask_scores, codes, size)

    def __len__(self) -> int:
        """Count the instances."""
        return len(self.labels)

    def select(self, index: npt.NDArray[np.int64]) -> ImagePredictions:
        """Choose instances by their numbers, shape ``(K,)``."""
        parts = {key: getattr(self, key)[index] for key in ('boxes', 'labels', 'scores', 'mask_scores')}
        return replace(self, **parts, codes=self.codes and [self.codes[number] for number in index.tolist()])

    def rles(self) -> list[dict]:
        """Give the masks as pycocotools has them, with one list for ``size``."""
        size = list(self.size)
        return [dict(size=size, counts=code) for code in self.codes or ()]

    def coco_boxes(self) -> npt.NDArray[np.float64]:
        """Give the boxes as ``(x, y, width, height)``, shape ``(N, 4)``."""
        boxes = self.boxes.astype(np.float64)
        boxes[:, 2:] -= boxes[:, :2]
        return boxes

    def as_mmdet(self, with_masks: bool = True) -> dict:
        """Give what mmdet's ``CocoMetric`` keeps of an image."""
        kept = dict(img_id=self.image_id, bboxes=self.boxes, scores=self.scores, labels=self.labels)
        if with_masks and self.codes is not None:
            kept.update(masks=self.rles(), mask_scores=self.mask_scores)
        return kept


def _codes(masks: Any, size: tuple[int, int], image_id: Any) -> tuple[list[bytes], tuple[int, int]]:
    if isinstance(masks, torch.Tensor):
        array = masks.detach().cpu().numpy()
        return rle_codes_of_masks(array if array.dtype == bool else array.astype(np.uint8) != 0), array.shape[1:]
    if isinstance(masks, BaseInstanceMasks):
        boxed = BoxedMasks.of(masks)
        size = (boxed.height, boxed.width)
        return rle_codes(boxed.crops.pixels, boxed.crops.windows[:, :2], size), size
    if isinstance(masks, Sequence) and all(isinstance(mask, Mapping) and 'counts' in mask for mask in masks):
        size = tuple(masks[0]['size']) if masks else size
        return [rle_code(mask, size) for mask in masks], size
    raise EvaluationError(
        f"image {image_id}: 'masks' of pred_instances is neither a tensor of shape (N, H, W) nor a list of COCO's run "
        f'lengths, but {type(masks).__name__}.'
    )
