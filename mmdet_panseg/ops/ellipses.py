"""Logits that fall off around a centre, so that a mask knows where its cell is."""

from __future__ import annotations

import torch
from torch import Tensor

ELLIPSE_PARAMETERS = 6


def add_ellipses(logits: Tensor, ellipses: Tensor, centers: Tensor, radius: float, stride: int) -> Tensor:
    """Add a concave quadratic form in coordinates relative to each cell to the logits of its mask.

    With ``u`` the vector from the cell's centre to a pixel, in units of ``radius``, and the ellipse's parameters
    ``(x, y, a, b, c, height)``, the term is ``height - |L (u - (x, y))|²`` with ``L = [[exp a, 0], [b, exp c]]``: an
    ellipse that is positive inside. Relative coordinates as an input of dynamic kernels are those of CondInst (Tian et
    al. 2020, section 3.1); the form here is of rank three, so that it costs one small matrix product a mask.

    Args:
        logits: Shape ``(P, h, w)``, float32 or better.
        ellipses: Parameters, shape ``(P, 6)``; ``a`` and ``c`` are clamped to ±3.
        centers: Centres ``(x, y)`` of the cells in pixels of the input, shape ``(P, 2)``.
        radius: Unit of length in pixels of the input.
        stride: Stride of the logits in pixels of the input.

    Returns:
        Shape ``(P, h, w)``.
    """
    height, width = logits.shape[1:]
    shift_x, shift_y, a, b, c, top = ellipses.to(logits.dtype)[:, :, None].unbind(1)
    a, c = a.clamp(-3, 3).exp(), c.clamp(-3, 3).exp()

    def relative(count: int, axis: int) -> Tensor:
        pixels = (torch.arange(count, device=logits.device, dtype=logits.dtype) + 0.5) * stride
        return (pixels - centers[:, axis, None].to(logits.dtype)) / radius

    x, y = relative(width, 0) - shift_x, relative(height, 1) - shift_y
    # |L u|² = (a² + b²) x² + 2 b c x y + c² y²: a sum over three products of a row's and a column's term.
    of_columns = torch.stack([top - (a * a + b * b) * x * x, torch.ones_like(x), -2 * b * c * x], dim=1)
    of_rows = torch.stack([torch.ones_like(y), -c * c * y * y, y], dim=2)
    return torch.baddbmm(logits, of_rows, of_columns)
