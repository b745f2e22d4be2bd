"""Pooling over the regions of masks against a loop over pixels."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdet_panseg.ops import pool_masks


def slow_pool(features, mask):
    """One mask, pixel by pixel of the features."""
    (height, width), step = features.shape[1:], mask.shape[0] // features.shape[1]
    mask = mask.double()
    inside = torch.where(mask > 0.3, mask, 0)
    weights = [torch.zeros(height, width, dtype=torch.float64) for _ in range(3)]
    for i in range(height):
        for j in range(width):
            window = slice(i * step, (i + 1) * step), slice(j * step, (j + 1) * step)
            weights[0][i, j] = inside[window].mean()
            weights[2][i, j] = (mask[window] * (1 - mask[window])).mean()
    for i in range(height):
        for j in range(width):
            near = weights[0][max(0, i - 2) : i + 3, max(0, j - 2) : j + 3]
            weights[1][i, j] = near.max() - weights[0][i, j]
    row = []
    for weight in weights:
        row.extend((weight * channel).sum() / weight.sum().clamp(min=1e-6) for channel in features.double())
    area = inside.sum()
    return [*map(float, row), math.log(1 + area) / 5, float((inside**2).sum() / max(area, 1e-6))]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**20), st.integers(0, 4), st.integers(1, 3), st.integers(1, 6), st.integers(1, 6), st.integers(1, 2)
)
def test_equals_a_loop_over_pixels(seed, count, channels, height, width, step):
    """With empty masks among them."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(channels, height, width, generator=generator)
    masks = torch.rand(count, height * step, width * step, generator=generator) ** 2
    masks[::3] = 0
    found = pool_masks(features, masks)
    assert found.shape == (count, 3 * channels + 2)
    for row, mask in zip(found, masks, strict=True):
        assert row.tolist() == pytest.approx(slow_pool(features, mask), rel=1e-4, abs=1e-5)
