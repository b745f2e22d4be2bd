"""The quadratic form against a loop over pixels."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdet_panseg.ops import add_ellipses


def slow_ellipse(ellipse, center, radius, stride, row, column):
    x, y, a, b, c, height = ellipse
    u = ((column + 0.5) * stride - center[0]) / radius - x, ((row + 0.5) * stride - center[1]) / radius - y
    a, c = (math.exp(min(max(value, -3), 3)) for value in (a, c))
    return height - (a * u[0]) ** 2 - (b * u[0] + c * u[1]) ** 2


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**20), st.integers(0, 4), st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 4]))
def test_equals_a_loop_over_pixels(seed, count, height, width, stride):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(count, height, width, generator=generator, dtype=torch.float64)
    ellipses = torch.randn(count, 6, generator=generator, dtype=torch.float64) * 2
    centers = torch.rand(count, 2, generator=generator, dtype=torch.float64) * 40 - 5
    found = add_ellipses(logits, ellipses, centers, 5.0, stride)
    assert found.shape == logits.shape
    for mask in range(count):
        for row in range(height):
            for column in range(width):
                parameters = ellipses[mask].tolist(), centers[mask].tolist()
                expected = logits[mask, row, column] + slow_ellipse(*parameters, 5.0, stride, row, column)
                assert found[mask, row, column].item() == pytest.approx(expected.item(), rel=1e-9, abs=1e-9)


def test_the_neutral_ellipse_is_a_disc():
    """Parameters of zero but a height of one: positive up to the radius."""
    ellipses = torch.tensor([[0.0, 0, 0, 0, 0, 1]])
    logits = add_ellipses(torch.zeros(1, 16, 16), ellipses, torch.tensor([[32.0, 24.0]]), 12.0, 4)[0]
    rows, columns = torch.meshgrid(*[(torch.arange(16) + 0.5) * 4] * 2, indexing='ij')
    assert torch.equal(logits > 0, (columns - 32) ** 2 + (rows - 24) ** 2 < 12**2)


def test_half_precision_parameters_and_far_pixels_stay_finite():
    ellipses = torch.full((1, 6), 50.0).bfloat16().requires_grad_()
    logits = add_ellipses(torch.zeros(1, 2, 2048), ellipses, torch.zeros(1, 2), 8.0, 4)
    assert logits.dtype == torch.float32 and torch.isfinite(logits).all()
    logits.sigmoid().sum().backward()
    assert torch.isfinite(ellipses.grad).all()
