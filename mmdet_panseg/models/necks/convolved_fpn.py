"""A feature pyramid with one more convolution on each level."""

from __future__ import annotations

from collections.abc import Sequence

from mmcv.cnn import ConvModule
from mmdet.models import FPN
from mmdet.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class ConvolvedFPN(FPN):
    """mmdet's ``FPN`` with a 3×3 convolution and a ReLU on top of each level (the author's rung "match-v3").

    Args:
        *args: Arguments of mmdet's ``FPN``.
        **kwargs: Arguments of mmdet's ``FPN``.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.top_convs = nn.ModuleList(
            ConvModule(self.out_channels, self.out_channels, 3, padding=1) for _ in range(self.num_outs)
        )

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Give the pyramid.

        Args:
            inputs: Features of the backbone from fine to coarse, each ``(B, C_l, H_l, W_l)``.

        Returns:
            Levels from fine to coarse, each ``(B, out_channels, h_l, w_l)``, without negative values.
        """
        return tuple(conv(level) for conv, level in zip(self.top_convs, super().forward(inputs), strict=True))
