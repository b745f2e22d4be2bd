"""The best channel of each pixel of enlarged maps, without the enlarged maps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .best_channels import MAX_CHANNELS, best_channels
from .view_maps import ViewMaps, maps_of_image


def averaged_argmax(views: Sequence[ViewMaps], *, size: tuple[int, int], memory_budget: int) -> tuple[Tensor, Tensor]:
    """Find each pixel's best channel on average over views of an image, a few channels at a time.

    Args:
        views: The same C channels of each view.
        size: Height and width of the image, in pixels.
        memory_budget: Bytes for one chunk of channels.

    Returns:
        Greatest mean, shape ``size``, and its channel, int64, shape ``size``; of equal channels the first. Without
        channels the values are -inf and the channels 0.
    """
    first = views[0].values
    best = first.new_full(size, -torch.inf)
    channels = torch.zeros(size, dtype=torch.long, device=first.device)
    step = min(MAX_CHANNELS, *(view.per_chunk(size, memory_budget) for view in views))
    for start in range(0, len(first), step):
        part = slice(start, start + step)
        total = maps_of_image(views[0].select(part), size)
        for view in views[1:]:
            total = total + maps_of_image(view.select(part), size)
        values, indices = best_channels(total / len(views) if len(views) > 1 else total)
        better = values > best
        best = torch.where(better, values, best)
        channels = torch.where(better, indices + start, channels)
    return best, channels
