"""Loss terms and what they are divided by."""

from .loss_normalizer import LossNormalizer
from .smooth_dice_loss import SmoothDiceLoss

__all__ = ['LossNormalizer', 'SmoothDiceLoss']
