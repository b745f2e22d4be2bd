"""Loss terms and what they are divided by."""

from __future__ import annotations

from .loss_normalizer import LossNormalizer
from .smooth_dice_loss import SmoothDiceLoss

__all__ = ['LossNormalizer', 'SmoothDiceLoss']
