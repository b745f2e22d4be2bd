"""How fast this processor computes in bfloat16: some know it, others imitate it ten times slower than float32."""

from __future__ import annotations

import logging
import time

import torch
from mmengine.logging import print_log
from torch import nn

_TOO_SLOW = 2.0


def bfloat16_slowdown() -> float:
    """Measure how much longer a training step of a convolution takes in bfloat16 than in float32 on this CPU.

    Returns:
        Ratio of the shortest of some times, below 1 where bfloat16 pays.
    """
    return _seconds(torch.bfloat16) / _seconds(torch.float32)


def warn_of_slow_bfloat16() -> None:
    """Say so where bfloat16 costs time on this CPU."""
    if (slowdown := bfloat16_slowdown()) > _TOO_SLOW:
        print_log(
            f'--amp: this processor imitates bfloat16, a convolution takes {slowdown:.0f} times as long as in float32. '
            'It is faster without --amp.',
            logger='current',
            level=logging.WARNING,
        )


def _seconds(dtype: torch.dtype, attempts: int = 3) -> float:
    convolution = nn.Conv2d(32, 32, 3, padding=1).to(dtype)
    features = torch.ones(1, 32, 40, 40, dtype=dtype)
    taken = []
    for _ in range(attempts):
        start = time.perf_counter()
        convolution(features).sum().backward()
        taken.append(time.perf_counter() - start)
    return min(taken)
