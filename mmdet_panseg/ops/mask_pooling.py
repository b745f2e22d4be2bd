"""What features look like inside, around and along the border of masks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

# Probabilities below this are not inside a mask.
_INSIDE = 0.3


def pool_masks(features: Tensor, masks: Tensor) -> Tensor:
    """Average features over three regions of each soft mask.

    The regions are what is inside a mask, what lies within two pixels of the features around it, and its border, which
    is where its probability is neither 0 nor 1. Masks are averaged down to the size of the features.

    Args:
        features: Shape ``(C, h, w)``.
        masks: Probabilities, shape ``(P, H, W)``, for the same part of the image.

    Returns:
        Means of the regions one after the other, then the logarithm of one and the mask's area in pixels, divided by
        five, and the mean probability inside, shape ``(P, 3 * C + 2)``; zeros for a region without pixels.
    """
    height, width = features.shape[1:]
    inside = F.threshold(masks, _INSIDE, 0.0)
    area = inside.sum(dim=(1, 2))
    maskness = inside.square().sum(dim=(1, 2)) / area.clamp(min=1e-6)
    inside, border = (F.adaptive_avg_pool2d(m[:, None], (height, width)) for m in (inside, masks * (1 - masks)))
    around = F.max_pool2d(inside, 5, stride=1, padding=2) - inside
    weights = torch.cat([inside, around, border], dim=1).flatten(2)
    weights = weights / weights.sum(dim=2, keepdim=True).clamp(min=1e-6)
    means = (weights @ features.flatten(1).T.to(weights.dtype)).flatten(1)
    return torch.cat([means, torch.stack([area.log1p() / 5, maskness], dim=1)], dim=1)
