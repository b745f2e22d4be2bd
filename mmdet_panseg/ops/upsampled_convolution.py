"""Chosen channels of a 3×3 convolution that follows a bilinear upsampling."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .cell_masks import at_least_float32, masks_per_chunk, resize_masks


def upsampled_convolution(
    features: Tensor, weight: Tensor, bias: Tensor | None, channels: Tensor, *, memory_budget: int | None = 2**26
) -> Tensor:
    """Compute chosen channels of ``conv3x3(upsample(features))`` without upsampling the features.

    A 3×3 convolution with zero padding is the sum of nine shifted 1×1 convolutions, and each of these commutes with
    the resize: the products are made at the resolution of the features, with a quarter of the multiplications, and
    only their results, nine maps a channel, are resized, shifted and added. Autograd keeps nothing at the upsampled
    resolution.

    Args:
        features: Shape ``(C, H, W)``.
        weight: Weight of the convolution, shape ``(K, C, 3, 3)``.
        bias: Bias of the convolution, shape ``(K,)``, or None.
        channels: Indices of the chosen output channels, int64, shape ``(P,)``.
        memory_budget: Bytes for the maps that are resized at a time, None to resize all at once.

    Returns:
        Shape ``(P, 2 H, 2 W)``, float32 or better.
    """
    size = (2 * features.shape[1], 2 * features.shape[2])
    if memory_budget is None:
        return _chunk(features, weight, bias, channels, size)
    # Nine resized products of a channel, the same before the resize, and the sum.
    step = masks_per_chunk(size, memory_budget, copies=13)
    return torch.cat([_chunk(features, weight, bias, part, size) for part in channels.split(step)])


def _chunk(features: Tensor, weight: Tensor, bias: Tensor | None, channels: Tensor, size: tuple[int, int]) -> Tensor:
    # A convolution takes tap t from t - 1 pixels further on, folding puts it there: the taps turn round.
    taps = weight[channels].flip(2, 3).permute(0, 2, 3, 1).flatten(0, 2)
    products = at_least_float32(taps @ features.flatten(1)).unflatten(1, features.shape[1:])
    # Channels are the batch, since there may be none.
    by_channel = (channels.shape[0], 9)
    maps = F.fold(resize_masks(products, size).flatten(1).unflatten(0, by_channel), size, kernel_size=3, padding=1)
    maps = maps[:, 0]
    return maps if bias is None else maps + bias[channels][:, None, None]
