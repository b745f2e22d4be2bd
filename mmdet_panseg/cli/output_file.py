"""Files that commands write: nothing is written over unasked."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path


def check_output(path: str | Path, endings: Collection[str], overwrite: bool) -> Path:
    """Refuse a file with a wrong ending, or one that exists, before any work is done.

    Args:
        path: The file to be.
        endings: How its name may end, such as ``.png``.
        overwrite: Whether it may exist.

    Returns:
        The file.

    Raises:
        ConfigError: If it cannot be written.
    """
    from mmdet_panseg.errors import ConfigError

    path = Path(path)
    if path.suffix.lower() not in endings:
        raise ConfigError(f'--out {path}: the name must end with {" or ".join(endings)}.')
    if path.exists() and not overwrite:
        raise ConfigError(f'--out {path}: exists already; choose another name, or replace it with --overwrite.')
    return path
