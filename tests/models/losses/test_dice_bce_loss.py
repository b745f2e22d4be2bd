"""Dice and cross-entropy against a loop over pixels."""

from __future__ import annotations

import math

import pytest
import torch
from mmdet.registry import MODELS


def slow_loss(logits, targets, dice_weight, bce_weight):
    p = [1 / (1 + math.exp(-value)) for value in logits.flatten().tolist()]
    g = targets.flatten().tolist()
    both = sum(a * b for a, b in zip(p, g, strict=True))
    squares = sum(a * a for a in p) + sum(b * b for b in g)
    entropy = -sum(b * math.log(a) + (1 - b) * math.log(1 - a) for a, b in zip(p, g, strict=True))
    return dice_weight * (1 - (2 * both + 1e-3) / (squares + 1e-3)) + bce_weight * entropy / max(4, sum(g))


def test_equals_a_loop_over_pixels_and_reduces():
    logits, targets = torch.randn(5, 3, 4, dtype=torch.float64), torch.rand(5, 3, 4, dtype=torch.float64)
    targets[0], targets[1] = 0, (targets[1] > 0.5).double()
    loss = MODELS.build(dict(type='DiceBCELoss', dice_weight=2.0, bce_weight=0.5))
    expected = [slow_loss(*pair, 2.0, 0.5) for pair in zip(logits, targets, strict=True)]
    each = loss(logits, targets, reduction_override='none')
    assert each.tolist() == pytest.approx(expected)
    weight = torch.arange(5).double()
    assert loss(logits, targets, weight, avg_factor=3).item() == pytest.approx((each * weight).sum().item() / 3)
    assert loss(logits, targets).item() == pytest.approx(each.mean().item())


def test_a_pixel_learns_the_covered_fraction():
    """The best probability of a pixel that is covered by a quarter is a quarter, without dice."""
    logits, target = torch.zeros(1, 1, 1, requires_grad=True), torch.full((1, 1, 1), 0.25)
    loss = MODELS.build(dict(type='DiceBCELoss', dice_weight=0.0))
    optimizer = torch.optim.SGD([logits], lr=4.0)
    for _ in range(200):
        optimizer.zero_grad()
        loss(logits, target).backward()
        optimizer.step()
    assert logits.sigmoid().item() == pytest.approx(0.25, abs=1e-3)
