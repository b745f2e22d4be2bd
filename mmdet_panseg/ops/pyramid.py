"""Bilinear alignment of a pyramid's first and last level with their neighbours."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F


def align_pyramid(features: Sequence[Tensor]) -> list[Tensor]:
    """Resize the finest level to half and the coarsest level to the size of the one before it.

    With FPN strides 4, 8, 16, 32, 64 the result has strides 8, 8, 16, 32, 32 (SOLO's implementation of the pyramid).

    Args:
        features: At least two feature maps from fine to coarse, each ``(B, C, H_l, W_l)``.

    Returns:
        As many feature maps; those in the middle are returned as they are.
    """
    first = F.interpolate(features[0], scale_factor=0.5, mode='bilinear')
    last = F.interpolate(features[-1], size=features[-2].shape[-2:], mode='bilinear')
    return [first, *features[1:-1], last]


def aligned_strides(strides: Sequence[int]) -> list[int]:
    """Give the strides of the levels after :func:`align_pyramid`.

    Args:
        strides: Strides as a head's config lists them, either of the pyramid before the alignment (4, 8, 16, 32, 64) or
            after it (8, 8, 16, 32, 32), in input pixels.

    Returns:
        Strides after the alignment, in input pixels.
    """
    aligned = list(strides)
    if len(aligned) > 1:
        if aligned[0] < aligned[1]:
            aligned[0] *= 2
        if aligned[-1] > aligned[-2]:
            aligned[-1] //= 2
    return aligned
