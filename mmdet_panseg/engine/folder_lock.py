"""One training at a time in a work dir."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmdet_panseg.errors import ConfigError

try:
    import fcntl
except ImportError:  # Windows has other locks
    fcntl = None  # type: ignore[assignment]

_NAME = '.in_use'


@contextmanager
def hold_folder(folder: str | os.PathLike) -> Iterator[None]:
    """Make a folder and keep other processes that ask for it out, as long as this one lives.

    The lock is the operating system's and ends with the process, however that ends, also where its loader processes
    live on for seconds. File systems without locks have none.

    Args:
        folder: The work dir.

    Raises:
        ConfigError: If another process holds the folder, or nothing can be written there.
    """
    path = Path(folder, _NAME)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open('a+')
    except OSError as error:
        raise ConfigError(
            f'work_dir {folder}: cannot be written ({error.strerror}); name another folder by --work-dir.'
        ) from error
    with file:
        _lock(file, folder)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _lock(file, folder: str | os.PathLike) -> None:
    if fcntl is None:
        return
    try:
        # unlike flock, this is not inherited by the processes that load data
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        file.seek(0)
        raise ConfigError(
            f'work_dir {folder}: another training (process {file.read() or "unknown"}) is writing there; wait for it, '
            'or name another folder by --work-dir.'
        ) from None
    except OSError:  # a file system without locks
        return
