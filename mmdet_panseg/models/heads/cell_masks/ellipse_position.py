"""Where a cell's mask is: an ellipse around the cell, which the mask features carve."""

from __future__ import annotations

from collections.abc import Sequence

from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdet_panseg.ops import ELLIPSE_PARAMETERS, add_ellipses


@MODELS.register_module()
class EllipsePosition(BaseModule):
    """Predict the ellipse that :func:`~mmdet_panseg.ops.add_ellipses` adds to the mask logits of a cell.

    A kernel of SOLOv2 has to learn from absolute coordinates where its cell is. With relative ones (CondInst, Tian et
    al. 2020) position is an input: a mask starts as a disc of its level's usual size around its cell.

    Args:
        in_channels: Channels of the kernel branch.
        scale_ranges: Square roots of box areas that each level learns, in pixels, from which the radii follow.
    """

    def __init__(self, in_channels: int, scale_ranges: Sequence[tuple[float, float]]) -> None:
        super().__init__()
        self.radii = _usual_radii(scale_ranges)
        self.conv = nn.Conv2d(in_channels, ELLIPSE_PARAMETERS, 3, padding=1)

    def init_weights(self) -> None:
        """Start with discs of the usual radius."""
        nn.init.normal_(self.conv.weight, std=0.01)
        nn.init.constant_(self.conv.bias, 0.0)
        nn.init.constant_(self.conv.bias[-1:], 1.0)

    def forward(self, features: Tensor) -> Tensor:
        """Predict the ellipses of the cells of a level, ``(B, C, S, S)`` to ``(B, 6, S, S)``."""
        return self.conv(features)

    def add_to(self, logits: Tensor, ellipses: Tensor, centers: Tensor, level: int, stride: int) -> Tensor:
        """Add the ellipses of cells to their mask logits.

        Args:
            logits: Shape ``(P, h, w)``.
            ellipses: What :meth:`forward` has predicted for the cells, shape ``(P, 6)``.
            centers: Centres ``(x, y)`` of the cells in pixels of the input, shape ``(P, 2)``.
            level: Index of the level.
            stride: Stride of the logits in pixels of the input.

        Returns:
            Shape ``(P, h, w)``.
        """
        return add_ellipses(logits, ellipses, centers, self.radii[level], stride)


def _usual_radii(scale_ranges: Sequence[tuple[float, float]]) -> list[float]:
    """Half the side of a square object in the middle of each range; two octaves of the open ones count."""
    (_, high), *others = scale_ranges
    middles = [(max(1, high / 4) * high) ** 0.5, *((low * min(high, 4 * low)) ** 0.5 for low, high in others)]
    return [middle / 2 for middle in middles]
