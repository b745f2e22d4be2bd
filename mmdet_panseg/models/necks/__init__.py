"""Feature pyramids."""

from .convolved_fpn import ConvolvedFPN

__all__ = ['ConvolvedFPN']
