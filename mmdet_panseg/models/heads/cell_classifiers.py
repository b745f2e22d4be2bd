"""Last layer of the class branch."""

from __future__ import annotations

import math

from mmdet.registry import MODELS
from torch import nn


@MODELS.register_module()
class SharedCellClassifier(nn.Conv2d):
    """One convolution for the cells of all levels (SOLO; mmdet has a 3×3 one, which is the head's default).

    Args:
        in_channels: Channels of the class tower.
        out_channels: Number of class logits.
        num_levels: Not used; every level gets the same convolution.
        kernel_size: Odd size of the kernel; the method's author used 1.
    """

    def __init__(self, in_channels: int, out_channels: int, num_levels: int, kernel_size: int = 1) -> None:
        super().__init__(in_channels, out_channels, kernel_size, padding=kernel_size // 2)


@MODELS.register_module()
class PerLevelCellClassifier(nn.ModuleList):
    """A convolution for each level.

    Args:
        in_channels: Channels of the class tower.
        out_channels: Number of class logits.
        num_levels: Number of levels.
        kernel_size: Odd size of the kernel.
    """

    def __init__(self, in_channels: int, out_channels: int, num_levels: int, kernel_size: int = 1) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2) for _ in range(num_levels)
        )


def start_with_background(classifier: nn.Conv2d | nn.ModuleList) -> None:
    """Let a softmax start with 1 % for all objects together, as sigmoids start with 1 % for each class.

    From equal logits the first losses would be a hundred times the later ones.

    Args:
        classifier: Class branch's last layer, or one for each level; the last logit is that of the background.
    """
    for layer in classifier if isinstance(classifier, nn.ModuleList) else [classifier]:
        bias = layer.bias.data
        # Weights that were loaded have different biases, and keep them.
        if (bias == bias[0]).all():
            bias[-1] = bias[:-1].logsumexp(0) + math.log(0.99 / 0.01)
