"""How probable the classes are inside masks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .cell_masks import masks_per_chunk


def mean_mask_probabilities(masks: Tensor, probabilities: Tensor, memory_budget: int = 64 * 2**20) -> Tensor:
    """Average the probabilities of classes inside masks.

    The masks are shrunk to the size of the map: each of its pixels counts as far as a mask covers it.

    Args:
        masks: Bool masks, shape ``(N, H, W)``.
        probabilities: Map of each class for the same part of the image, shape ``(C, h, w)``.
        memory_budget: Bytes for the masks that are shrunk at a time.

    Returns:
        Shape ``(N, C)``; zeros for a mask without pixels.
    """
    means = [probabilities.new_zeros(0, len(probabilities))]
    pixels = probabilities.flatten(1).T
    height, width = probabilities.shape[1:]
    for chunk in masks.split(masks_per_chunk((masks.shape[1], masks.shape[2]), memory_budget)):
        covered = F.adaptive_avg_pool2d(chunk[:, None].to(probabilities.dtype), (height, width)).flatten(1)
        means.append((covered @ pixels) / covered.sum(dim=1, keepdim=True).clamp(min=1e-12))
    return torch.cat(means)
