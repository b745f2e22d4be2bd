"""What an export can fail with."""

from __future__ import annotations

from mmdet_panseg.errors import UserError


class ExportError(UserError):
    """A model cannot be exported, or what was exported gives other numbers."""
