"""Backbones registered in mmdet's ``MODELS``."""

from .efficientnet_lite import EfficientNetLite

__all__ = ['EfficientNetLite']
