"""Errors of the data sets, and parts of their texts, which name the file, the key and the remedy."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from mmdet_panseg.errors import UserError

EXAMPLES_SHOWN = 3
_LONGEST_NAME = 100


class DatasetError(UserError, ValueError):
    """Files of a data set, or what a config asks of them, cannot be used."""


class AnnotationFileError(DatasetError):
    """An annotation file does not fit together, or does not fit the config."""


class MissingDataError(DatasetError, FileNotFoundError):
    """An annotation file or image files do not exist."""


class BrokenImageError(DatasetError):
    """An image file cannot be used.

    Args:
        message: Text that names file, fault and remedy.
        reason: ``'unreadable'``, ``'truncated'``, ``'undecodable'``, ``'wrong size'`` or ``'too thin'``.
        path_key: Key under which the sample's record names the file.
    """

    def __init__(self, message: str, reason: str = 'undecodable', path_key: str = 'img_path') -> None:
        super().__init__(message)
        self.reason = reason
        self.path_key = path_key


def shown(items: Sequence[Any], total: int | None = None) -> str:
    """Join the first few items for a message, with ``...`` when there are more than these."""
    total = len(items) if total is None else total
    text = ', '.join(_shortened(str(item)) for item in items[:EXAMPLES_SHOWN])
    return f'{text}, ...' if total > EXAMPLES_SHOWN else text


def _shortened(name: str) -> str:
    """Keep beginning and end of a name that nobody would read."""
    half = _LONGEST_NAME // 2
    return name if len(name) <= _LONGEST_NAME else f'{name[:half]}...{name[-half:]}'


def with_suggestions(missing: Sequence, names: Sequence) -> str:
    """List names that are missing, each with the nearest spelling among those that are there."""
    lowered = {str(name).lower(): name for name in names}
    parts = []
    for name in missing:
        near = get_close_matches(str(name).lower(), lowered, n=1)
        parts.append(f"'{name}' (nearest: '{lowered[near[0]]}')" if near else f"'{name}'")
    return ', '.join(parts)
