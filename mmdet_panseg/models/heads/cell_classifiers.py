"""Last layer of the class branch."""

from __future__ import annotations

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
