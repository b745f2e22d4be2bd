"""Writing of a whole folder: all of it or nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def staged_folder(root: Path) -> Iterator[Path]:
    """Give a temporary sibling of ``root`` that takes its place on success and vanishes on any error.

    What lay at ``root`` before is removed only after the new folder is in its place.

    Args:
        root: Absolute path of the folder to be; its parents are made.

    Yields:
        The empty folder to write to.
    """
    root.parent.mkdir(parents=True, exist_ok=True)
    stage, old = (root.with_name(f'.{root.name}.{word}-{os.getpid()}') for word in ('partial', 'old'))
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    try:
        yield stage
        if root.exists():
            root.rename(old)
        try:
            stage.rename(root)
        except BaseException:
            if old.exists():
                old.rename(root)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
