"""Feature pyramids."""

from __future__ import annotations

from .convolved_fpn import ConvolvedFPN

__all__ = ['ConvolvedFPN']
