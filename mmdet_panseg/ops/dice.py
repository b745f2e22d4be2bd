"""Dice loss of soft masks."""

from __future__ import annotations

from torch import Tensor


def dice_loss(probabilities: Tensor, targets: Tensor, *, smooth: float = 1.0) -> Tensor:
    """Dice loss with squared terms and a smoothed quotient.

    ``1 - (2 Σpg + s) / (Σp² + Σg² + s)``: SOLO equation 3 with additive smoothing of the whole quotient, so that
    an empty prediction of an empty target costs nothing. (mmdet's ``DiceLoss`` adds 1e-3 to each
    term of the denominator instead.)

    Args:
        probabilities: Soft masks in [0, 1], shape ``(N, H, W)``.
        targets: Binary masks of any dtype, or fractions in [0, 1], shape ``(N, H, W)``.
        smooth: The smoothing term, in pixels.

    Returns:
        Loss of each mask, shape ``(N,)``.
    """
    probabilities = probabilities.flatten(1)
    targets = targets.flatten(1).to(probabilities.dtype)
    intersection = (probabilities * targets).sum(dim=1)
    union = (probabilities * probabilities).sum(dim=1) + (targets * targets).sum(dim=1)
    return 1 - (2 * intersection + smooth) / (union + smooth)
