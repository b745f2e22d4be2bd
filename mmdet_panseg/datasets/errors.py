"""Errors of the data sets; each text names the file, the key and the remedy."""

from __future__ import annotations

from mmdet_panseg.errors import UserError


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
        reason: ``'truncated'``, ``'undecodable'`` or ``'wrong size'``.
        path_key: Key under which the sample's record names the file.
    """

    def __init__(self, message: str, reason: str = 'undecodable', path_key: str = 'img_path') -> None:
        super().__init__(message)
        self.reason = reason
        self.path_key = path_key
