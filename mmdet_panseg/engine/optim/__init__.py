"""Optimizer wrappers registered in mmdet's ``OPTIM_WRAPPERS``."""

from __future__ import annotations

from .cpu_amp import CPUAmpOptimWrapper

__all__ = ['CPUAmpOptimWrapper']
