"""Mean probabilities inside masks against a loop over the pixels of the map."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdet_panseg.ops import mean_mask_probabilities


def slow_means(masks, probabilities):
    """Each pixel of the map weighs the share of its window of the mask that is set."""
    (height, width), result = probabilities.shape[1:], []
    for mask in masks.double():
        weights = torch.zeros(height, width, dtype=torch.float64)
        for i in range(height):
            for j in range(width):
                rows = slice(i * mask.shape[0] // height, math.ceil((i + 1) * mask.shape[0] / height))
                columns = slice(j * mask.shape[1] // width, math.ceil((j + 1) * mask.shape[1] / width))
                weights[i, j] = mask[rows, columns].mean()
        total = weights.sum()
        result.append([(weights * channel).sum() / total if total else 0.0 for channel in probabilities.double()])
    return torch.tensor(result, dtype=torch.float64).reshape(len(masks), len(probabilities))


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**20), st.integers(0, 5), st.integers(1, 4), st.integers(1, 21), st.integers(1, 17))
def test_equals_a_loop_over_pixels(seed, count, channels, height, width):
    """With empty masks, and sizes that the map's do not divide; a small budget takes masks one at a time."""
    generator = torch.Generator().manual_seed(seed)
    masks = torch.rand(count, height, width, generator=generator) < torch.rand(count, 1, 1, generator=generator)
    masks[::4] = False
    size = max(1, height // 4), max(1, -(-width // 4))
    probabilities = torch.rand(channels, *size, generator=generator)
    expected = slow_means(masks, probabilities)
    for memory_budget in (64 * 2**20, 1):
        found = mean_mask_probabilities(masks, probabilities, memory_budget)
        torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)


def test_one_pixel_reads_its_place():
    masks = torch.zeros(1, 8, 8, dtype=torch.bool)
    masks[0, 5, 2] = True
    probabilities = torch.tensor([[[0.1, 0.2], [0.3, 0.4]]])
    assert mean_mask_probabilities(masks, probabilities).item() == pytest.approx(0.3)
