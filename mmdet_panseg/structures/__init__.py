"""Containers of ground truth that cost what they cover."""

from __future__ import annotations

from .boxed_masks import BoxedMasks
from .boxed_targets import BoxedTargets

__all__ = ['BoxedMasks', 'BoxedTargets']
