"""Backbones registered in mmdet's ``MODELS``."""

from __future__ import annotations

from .efficientnet_lite import EfficientNetLite

__all__ = ['EfficientNetLite']
