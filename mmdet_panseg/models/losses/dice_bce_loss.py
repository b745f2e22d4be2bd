"""Dice loss with binary cross-entropy beside it."""

from __future__ import annotations

from mmdet.registry import MODELS
from torch import Tensor
from torch.nn import functional as F

from .smooth_dice_loss import SmoothDiceLoss


@MODELS.register_module()
class DiceBCELoss(SmoothDiceLoss):
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

    def __init__(
        self, dice_weight: float = 3.0, bce_weight: float = 1.0, min_area: float = 4.0, reduction: str = 'mean'
    ) -> None:
        super().__init__(smooth=1e-3, reduction=reduction, loss_weight=dice_weight)
        self.bce_weight = bce_weight
        self.min_area = min_area

    def each(self, pred: Tensor, target: Tensor) -> Tensor:
        """Compute the loss of each mask, shape ``(N,)``; ``pred`` are logits."""
        target = target.to(pred.dtype)
        entropy = F.binary_cross_entropy_with_logits(pred, target, reduction='none').sum(dim=(1, 2))
        entropy = entropy / target.sum(dim=(1, 2)).clamp(min=self.min_area)
        return super().each(pred, target) + self.bce_weight * entropy
