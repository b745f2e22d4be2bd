"""Pairwise overlaps of binary masks."""

import torch
from torch import Tensor

_PIXELS_PER_BLOCK = 16384


def mask_intersections(masks: Tensor) -> Tensor:
    """Count the pixels that each pair of masks shares.

    The masks are converted to float32 a block of pixels at a time, which bounds the memory; counts below 2²⁴ are exact.

    Args:
        masks: Bool masks, shape ``(N, H, W)``.

    Returns:
        Counts, float32, shape ``(N, N)``.
    """
    flat = masks.flatten(1)
    counts = torch.zeros(len(flat), len(flat), device=flat.device)
    for start in range(0, flat.shape[1], _PIXELS_PER_BLOCK):
        block = flat[:, start : start + _PIXELS_PER_BLOCK].float()
        counts.addmm_(block, block.T)
    return counts


def iou_from_intersections(intersections: Tensor, areas: Tensor) -> Tensor:
    """Turn intersections into intersections over union.

    Args:
        intersections: Shape ``(N, N)``.
        areas: Mask areas in pixels, shape ``(N,)``, all above zero.

    Returns:
        IoU, shape ``(N, N)``.
    """
    return intersections / (areas[None] + areas[:, None] - intersections)
