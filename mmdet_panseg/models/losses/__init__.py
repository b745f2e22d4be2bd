"""Loss terms and what they are divided by."""

from __future__ import annotations

from .dice_bce_loss import DiceBCELoss
from .loss_normalizer import LossNormalizer
from .smooth_dice_loss import SmoothDiceLoss

__all__ = ['DiceBCELoss', 'LossNormalizer', 'SmoothDiceLoss']
