"""Mixed precision on a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmdet.registry import OPTIM_WRAPPERS
from mmengine.optim import OptimWrapper
from torch import nn


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """Run the forward pass under bfloat16 autocast on the CPU; mmengine's ``AmpOptimWrapper`` refuses CPUs.

    Weights, gradients and optimizer state stay in float32. bfloat16 has the exponents of float32, so losses
    need no scaling. Gradient accumulation and clipping work as in ``OptimWrapper``.

    Args:
        **kwargs: Arguments of ``OptimWrapper``: ``optimizer``, ``accumulative_counts``, ``clip_grad``.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast to bfloat16, and skip the gradient exchange between updates."""
        with super().optim_context(model), torch.autocast('cpu', dtype=torch.bfloat16):
            yield
