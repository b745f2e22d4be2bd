"""Mask logits of chosen grid cells."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def cell_mask_logits(features: Tensor, weight: Tensor, bias: Tensor | None, cells: Tensor) -> Tensor:
    """Compute the mask logits of chosen cells of one image, at the resolution of the mask tower.

    Mask channel ``i * S + j`` of SOLO is a 1×1 convolution, that is one row of a matrix: only the rows of the chosen
    cells are multiplied. A 1×1 convolution and a bilinear resize commute, so the resize comes afterwards.

    Args:
        features: Output of the mask tower, shape ``(C, H, W)``.
        weight: Weight of the 1×1 convolution, shape ``(S², C, 1, 1)`` or ``(S², C)``.
        bias: Bias of the convolution, shape ``(S²,)``, or None.
        cells: Indices of the chosen cells, int64, shape ``(P,)``.

    Returns:
        Mask logits, shape ``(P, H, W)``.
    """
    rows = weight.flatten(1)[cells]
    columns = features.flatten(1)
    logits = rows @ columns if bias is None else torch.addmm(bias[cells][:, None], rows, columns)
    return logits.unflatten(1, features.shape[1:])


def resize_masks(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize mask logits or probabilities bilinearly.

    Args:
        masks: Shape ``(P, H, W)``.
        size: Height and width of the result, in pixels.

    Returns:
        Shape ``(P, *size)``; the input itself if it has this size.
    """
    if masks.shape[1:] == tuple(size):
        return masks
    # As a batch of one channel, since there may be no mask; the graph is kept, so that parameters of a head without
    # positives get zero gradients, not none.
    return F.interpolate(masks[:, None], size=size, mode='bilinear')[:, 0]


def at_least_float32(tensor: Tensor) -> Tensor:
    """Convert half-precision values to float32 and leave others as they are."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def masks_per_chunk(size: tuple[int, int], budget: int, copies: int = 4, itemsize: int = 4) -> int:
    """Tell how many masks fit into a memory budget.

    Args:
        size: Height and width of a mask in pixels.
        budget: Memory for one chunk in bytes.
        copies: Maps of this size that are alive at the same time for a mask.
        itemsize: Bytes of an element.

    Returns:
        Number of masks, at least 1.
    """
    return max(1, budget // max(1, size[0] * size[1] * copies * itemsize))
