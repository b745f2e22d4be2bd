"""The best channel of each pixel of an enlarged map, without the enlarged map."""

from __future__ import annotations

import torch
from torch import Tensor

from .cell_masks import masks_per_chunk, resize_masks


def resized_argmax(
    logits: Tensor, *, scale: int, crop: tuple[int, int], size: tuple[int, int], memory_budget: int
) -> tuple[Tensor, Tensor]:
    """Enlarge the channels of an image bilinearly, a few at a time, and remember each pixel's best.

    The channels are enlarged by ``scale``, cropped to the image without its padding and resized to ``size``, as mmdet
    does with all of them at once.

    Args:
        logits: Shape ``(C, h, w)``.
        scale: Factor of the first resize.
        crop: Height and width of the image within the enlarged map, in pixels.
        size: Height and width of the result, in pixels.
        memory_budget: Bytes for one chunk of channels.

    Returns:
        Greatest value, shape ``size``, and its channel, int64, shape ``size``; of equal channels the first. Without
        channels the values are -inf and the channels 0.
    """
    enlarged = logits.shape[-2] * scale, logits.shape[-1] * scale
    best = logits.new_full(size, -torch.inf)
    channels = torch.zeros(size, dtype=torch.long, device=logits.device)
    step = masks_per_chunk((max(enlarged[0], size[0]), max(enlarged[1], size[1])), memory_budget)
    for start in range(0, len(logits), step):
        chunk = resize_masks(logits[start : start + step], enlarged)[:, : crop[0], : crop[1]]
        values, indices = resize_masks(chunk, size).max(dim=0)
        better = values > best
        best = torch.where(better, values, best)
        channels = torch.where(better, indices + start, channels)
    return best, channels
