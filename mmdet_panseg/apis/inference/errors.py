"""Errors of prediction that a user can cause."""

from __future__ import annotations

from mmdet_panseg.errors import UserError


class SourceError(UserError):
    """There is nothing to predict on: a path is wrong, a folder is empty, or no file of it can be read."""


class OutputError(UserError):
    """Results cannot be written as asked: something is there already, or the model does not give them."""
