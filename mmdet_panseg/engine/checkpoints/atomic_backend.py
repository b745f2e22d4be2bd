"""A local file backend of mmengine whose files are either whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

_UNFINISHED_SUFFIX = '.unfinished'


def write_atomically(content: bytes, path: str | os.PathLike) -> None:
    """Write a file under a temporary name in its folder, flush it to the disk, and rename it.

    Whatever interrupts it, ``path`` holds the old content or the new one, never a part.

    Args:
        content: The new content.
        path: The file; its folder is made when needed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f'.{path.name}.{os.getpid()}{_UNFINISHED_SUFFIX}')
    try:
        with unfinished.open('wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    # the rename itself reaches the disk with the folder; some file systems cannot do this
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_unfinished_files(folder: str | os.PathLike) -> list[str]:
    """Remove the temporary files that killed runs left in a folder; those of living processes stay.

    Args:
        folder: The folder, which may not exist.

    Returns:
        Names of the removed files.
    """
    removed = []
    for path in sorted(Path(folder).glob(f'.*{_UNFINISHED_SUFFIX}')):
        if _is_being_written(path):
            continue
        with suppress(OSError):
            path.unlink()
            removed.append(path.name)
    return removed


def _is_being_written(path: Path) -> bool:
    number = path.name.removesuffix(_UNFINISHED_SUFFIX).rpartition('.')[2]
    if not number.isdigit() or int(number) == os.getpid():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's process
        return True
    return True


@register_backend('atomic_local', force=True)
class AtomicLocalBackend(LocalBackend):
    """mmengine's local backend with atomic writes and, on request, removals that wait.

    Registered as ``atomic_local``: ``backend_args=dict(backend='atomic_local')``.
    """

    def __init__(self) -> None:
        self._waiting: list[str] | None = None

    def put(self, obj: bytes, filepath: str | os.PathLike) -> None:
        """Write bytes; see :func:`write_atomically`."""
        write_atomically(obj, filepath)

    def put_text(self, obj: str, filepath: str | os.PathLike, encoding: str = 'utf-8') -> None:
        """Write text; see :func:`write_atomically`."""
        write_atomically(obj.encode(encoding), filepath)

    def remove(self, filepath: str | os.PathLike) -> None:
        """Remove a file, now or at the end of :meth:`removals_wait`."""
        if self._waiting is None:
            super().remove(filepath)
        else:
            self._waiting.append(str(filepath))

    @property
    def removals_are_waiting(self) -> bool:
        """Whether this is within :meth:`removals_wait`."""
        return self._waiting is not None

    @property
    def waiting(self) -> tuple[str, ...]:
        """Paths whose removal waits."""
        return tuple(self._waiting or ())

    def spare(self, path: str) -> None:
        """Take a path off the waiting ones, because a new file has that name."""
        if self._waiting and path in self._waiting:
            self._waiting.remove(path)

    @contextmanager
    def removals_wait(self) -> Iterator[None]:
        """Only note removals within this context; they happen when it ends without an exception."""
        self._waiting = noted = []
        try:
            yield
        finally:
            self._waiting = None
        for path in noted:
            with suppress(FileNotFoundError):
                super().remove(path)
