"""Dice loss with binary cross-entropy beside it."""

from __future__ import annotations

from mmdet.models.losses.utils import weight_reduce_loss
from mmdet.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from mmdet_panseg.ops import dice_loss


@MODELS.register_module()
class DiceBCELoss(nn.Module):
    """Sum of dice loss and cross-entropy of each mask, for a head's ``loss_mask``.

    Dice sees a mask as a whole and is indifferent to how sure a pixel is; cross-entropy makes the probability of a
    pixel the covered fraction, where the targets are fractions. It is summed over the map and divided by the area of
    the target, so that small objects count as much as large ones and pixels far away cost nothing once they are sure.

    Args:
        dice_weight: Factor of the dice loss.
        bce_weight: Factor of the cross-entropy.
        min_area: Least area to divide by, in pixels of the comparison.
        reduction: ``'none'``, ``'mean'`` or ``'sum'``.
    """

    activate = True  # predictions are logits

    def __init__(
        self, dice_weight: float = 3.0, bce_weight: float = 1.0, min_area: float = 4.0, reduction: str = 'mean'
    ) -> None:
        super().__init__()
        self.dice_weight = dice_weight
        self.bce_weight = bce_weight
        self.min_area = min_area
        self.reduction = reduction

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        reduction_override: str | None = None,
        avg_factor: float | None = None,
    ) -> Tensor:
        """Compute the loss.

        Args:
            pred: Logits, shape ``(N, H, W)``.
            target: Fractions from 0 to 1, shape ``(N, H, W)``.
            weight: Factor of each mask, shape ``(N,)``.
            reduction_override: Used in place of the reduction given at construction.
            avg_factor: Divisor in place of the number of masks.

        Returns:
            A scalar, or shape ``(N,)`` without reduction.
        """
        target = target.to(pred.dtype)
        entropy = F.binary_cross_entropy_with_logits(pred, target, reduction='none').sum(dim=(1, 2))
        entropy = entropy / target.sum(dim=(1, 2)).clamp(min=self.min_area)
        loss = self.dice_weight * dice_loss(pred.sigmoid(), target, smooth=1e-3) + self.bce_weight * entropy
        return weight_reduce_loss(loss, weight, reduction_override or self.reduction, avg_factor)
