"""Instances whose masks are still soft, and small."""

from __future__ import annotations

from typing import NamedTuple

from mmengine.structures import InstanceData
from torch import Tensor

from mmdet_panseg.ops import ViewMaps, binary_masks, boxes_from_masks


class SoftInstances(NamedTuple):
    """Instances of an image before their masks are brought to its size.

    Attributes:
        scores: Shape ``(N,)``.
        labels: Classes, int64, shape ``(N,)``.
        masks: Logits or probabilities.
        threshold: What a pixel of a mask is above, in the same.
    """

    scores: Tensor
    labels: Tensor
    masks: ViewMaps
    threshold: float

    def at_size(self, size: tuple[int, int], memory_budget: int) -> InstanceData:
        """Finish the masks.

        Args:
            size: Height and width of the image in pixels.
            memory_budget: Bytes for the masks that are worked on at a time.

        Returns:
            ``scores`` (N,), ``labels`` (N,), bool ``masks`` (N, H, W) and their ``bboxes`` (N, 4).
        """
        masks = binary_masks(self.masks, size, threshold=self.threshold, memory_budget=memory_budget)
        boxes = boxes_from_masks(masks).to(self.scores.dtype)
        return InstanceData(scores=self.scores, labels=self.labels, masks=masks, bboxes=boxes)
