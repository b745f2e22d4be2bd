"""Coordinate channels that tell a convolution where it is."""

from __future__ import annotations

import torch
from torch import Tensor


def coordinate_channels(features: Tensor, axes: str = 'xy') -> Tensor:
    """Concatenate the coordinate channels of coord-conv to a feature map.

    Positions run linearly from -1 at the first row or column to 1 at the last (SOLO, section 3.3.2). They are computed
    in torch's default dtype and then cast, so that a float64 model sees the coordinates that mmdet's gives it.

    Args:
        features: Feature map, shape ``(B, C, H, W)``.
        axes: Which coordinates, in order: ``'xy'``, ``'x'`` or ``'y'``.

    Returns:
        Feature map with the coordinates appended, shape ``(B, C + len(axes), H, W)``.
    """
    batch, _, height, width = features.shape
    x = torch.linspace(-1, 1, width, device=features.device).to(features.dtype)
    y = torch.linspace(-1, 1, height, device=features.device).to(features.dtype)
    positions = dict(x=x, y=y[:, None])
    return torch.cat([features, *(positions[axis].expand(batch, 1, height, width) for axis in axes)], dim=1)
