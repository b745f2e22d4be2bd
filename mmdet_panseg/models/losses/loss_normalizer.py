"""By what the class and mask losses of a batch are divided."""

from __future__ import annotations

import torch
from mmdet.registry import TASK_UTILS
from mmdet.utils import reduce_mean
from mmengine.dist import get_world_size
from torch import Tensor


@TASK_UTILS.register_module()
class LossNormalizer:
    """Average the losses of a batch.

    Args:
        cls: Divisor of the summed class loss: ``'positives+1'`` (mmdet) or ``'positives+images'`` (the author).
        mask: ``'positives'``: the sum over all instances divided by all positives (mmdet); ``'image'``: the mean over
            each image's positives, averaged over the images that have any.
        sync: Average the divisors over the processes of a distributed run. The gradients are then those of one process
            on the joint batch.
    """

    def __init__(self, cls: str = 'positives+1', mask: str = 'positives', sync: bool = False) -> None:
        if cls not in ('positives+1', 'positives+images'):
            raise ValueError(f"LossNormalizer: cls must be 'positives+1' or 'positives+images', not {cls!r}")
        if mask not in ('positives', 'image'):
            raise ValueError(f"LossNormalizer: mask must be 'positives' or 'image', not {mask!r}")
        self.cls = cls
        self.mask = mask
        self.sync = sync

    def class_divisor(self, positives: Tensor) -> Tensor:
        """Compute the class loss's divisor.

        Args:
            positives: Number of positive cells of each image, shape ``(B,)``.

        Returns:
            Scalar.
        """
        if self.cls == 'positives+images':
            return self._mean_over_processes(positives.sum() + len(positives))
        # One is added to the joint batch, so each process adds its share of it.
        share = 1 / get_world_size() if self.sync else 1
        return self._mean_over_processes(positives.sum()) + share

    def reduce_masks(self, losses: Tensor, images: Tensor, positives: Tensor) -> Tensor:
        """Average the mask losses of a batch.

        Args:
            losses: Loss of each positive cell, shape ``(P,)``.
            images: Index of each cell's image, shape ``(P,)``.
            positives: Number of positive cells of each image, shape ``(B,)``.

        Returns:
            Scalar; 0 with a graph if there are no positives.
        """
        if self.mask == 'positives':
            return losses.sum() / self._at_least(positives.sum(), losses)
        per_image = losses.new_zeros(len(positives)).index_add(0, images, losses)
        means = per_image / positives.clamp(min=1)
        return means.sum() / self._at_least((positives > 0).sum(), losses)

    def mean(self, losses: Tensor) -> Tensor:
        """Average losses, shape ``(P,)``, over all of them in all processes; 0 if there are none."""
        return losses.sum() / self._at_least(losses.new_tensor(len(losses)), losses)

    def _at_least(self, count: Tensor, losses: Tensor) -> Tensor:
        mean = self._mean_over_processes(count)
        # Without a positive anywhere the sum is zero and any divisor serves.
        return torch.where(mean > 0, mean, torch.ones_like(mean)).to(losses.dtype)

    def _mean_over_processes(self, count: Tensor) -> Tensor:
        return reduce_mean(count.double()) if self.sync else count
