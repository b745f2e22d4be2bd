"""Optimizer wrappers and schedulers, registered in mmdet's ``OPTIM_WRAPPERS`` and ``PARAM_SCHEDULERS``."""

from __future__ import annotations

from .cpu_amp import CPUAmpOptimWrapper
from .schedulers import CosineDecayLR, StepDecayLR, WarmupLR

__all__ = ['CPUAmpOptimWrapper', 'CosineDecayLR', 'StepDecayLR', 'WarmupLR']
