"""Dice loss with a smoothed quotient."""

from __future__ import annotations

from mmdet.models.losses.utils import weight_reduce_loss
from mmdet.registry import MODELS
from torch import Tensor, nn

from mmdet_panseg.ops import dice_loss


@MODELS.register_module()
class SmoothDiceLoss(nn.Module):
    """The method author's dice loss; takes the place of mmdet's ``DiceLoss`` in a head's ``loss_mask``.

    Args:
        smooth: Added to numerator and denominator, in pixels.
        activate: Whether predictions are logits; False if they are probabilities.
        reduction: ``'none'``, ``'mean'`` or ``'sum'``.
        loss_weight: Factor of the loss.
    """

    def __init__(
        self, smooth: float = 1.0, activate: bool = True, reduction: str = 'mean', loss_weight: float = 3.0
    ) -> None:
        super().__init__()
        self.smooth = smooth
        self.activate = activate
        self.reduction = reduction
        self.loss_weight = loss_weight

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
            pred: Logits or probabilities, shape ``(N, H, W)``.
            target: Binary masks or fractions, shape ``(N, H, W)``.
            weight: Factor of each mask, shape ``(N,)``.
            reduction_override: Used in place of the reduction given at construction.
            avg_factor: Divisor in place of the number of masks.

        Returns:
            A scalar, or shape ``(N,)`` without reduction.
        """
        reduction = reduction_override or self.reduction
        return weight_reduce_loss(self.each(pred, target), weight, reduction, avg_factor)

    def each(self, pred: Tensor, target: Tensor) -> Tensor:
        """Compute the loss of each mask, shape ``(N,)``; arguments as in :meth:`forward`."""
        probabilities = pred.sigmoid() if self.activate else pred
        return self.loss_weight * dice_loss(probabilities, target, smooth=self.smooth)
