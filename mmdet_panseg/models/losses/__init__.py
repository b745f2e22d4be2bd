"""Loss terms, the cells they see and what they are divided by."""

from .loss_normalizer import LossNormalizer
from .negative_cells import RandomNegativeCells
from .smooth_dice_loss import SmoothDiceLoss

__all__ = ['LossNormalizer', 'RandomNegativeCells', 'SmoothDiceLoss']
