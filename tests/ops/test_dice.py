from __future__ import annotations

import pytest
import torch

from mmdet_panseg.ops import dice_loss


@pytest.mark.parametrize('smooth', [0.5, 1.0])
@pytest.mark.parametrize('count', [0, 1, 4])
def test_dice_equals_the_formula(smooth, count):
    probabilities = torch.rand(count, 5, 7)
    targets = (torch.rand(count, 5, 7) < 0.4).to(torch.uint8)
    expected = []
    for p, g in zip(probabilities.double(), targets.double(), strict=True):
        quotient = (2 * sum((p * g).flatten()) + smooth) / (sum((p**2 + g**2).flatten()) + smooth)
        expected.append(1 - quotient)
    torch.testing.assert_close(
        dice_loss(probabilities, targets, smooth=smooth).double().tolist(), [float(e) for e in expected]
    )


def test_empty_prediction_of_empty_target_costs_nothing():
    assert dice_loss(torch.zeros(1, 3, 3), torch.zeros(1, 3, 3)).item() == 0
