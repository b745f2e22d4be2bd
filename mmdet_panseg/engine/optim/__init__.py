"""Optimizer wrappers registered in mmdet's ``OPTIM_WRAPPERS``."""

from .cpu_amp import CPUAmpOptimWrapper

__all__ = ['CPUAmpOptimWrapper']
