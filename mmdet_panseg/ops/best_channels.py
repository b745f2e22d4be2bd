"""The greatest channel of each pixel."""

from __future__ import annotations

import torch
from torch import Tensor

MAX_CHANNELS = 255
"""So many channels can be told apart by a byte."""


def best_channels(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Find each pixel's greatest channel.

    On CPUs this is several times faster than torch's ``argmax`` and ``max``, which do not vectorise over channels.

    Args:
        maps: At least one channel and at most :data:`MAX_CHANNELS`, shape ``(C, H, W)``.

    Returns:
        Greatest value, shape ``(H, W)``, and its channel, int64, shape ``(H, W)``; of equal channels the first. Where a
        value is not a number, the channel says nothing.
    """
    best = maps.amax(dim=0)
    backwards = torch.arange(len(maps), 0, -1, dtype=torch.uint8, device=maps.device)
    from_last = (maps == best).view(torch.uint8).mul_(backwards[:, None, None]).amax(dim=0)
    return best, len(maps) - from_last.clamp_(min=1).long()
