"""A PNG file that is written some rows at a time."""

from __future__ import annotations

import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

_START = b'\x89PNG\r\n\x1a\n'
_GREY, _RGB = 0, 2
_UP = 2
# Maps have few values: more effort makes them hardly smaller.
_LEVEL = 3


class PngRows:
    """Write a PNG of eight bits, grey or RGB; the file has its name once it is complete.

    Args:
        path: The file; its folder is made.
        size: Height and width in pixels.
        channels: 1 or 3.
    """

    def __init__(self, path: Path, size: tuple[int, int], channels: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.size, self.channels = path, size, channels
        self._unfinished = path.with_name(f'.{path.name}.unfinished')
        self._file = self._unfinished.open('wb')
        self._deflate = zlib.compressobj(_LEVEL)
        self._above = np.zeros((1, size[1] * channels), np.uint8)
        self._rows = 0
        kind = {1: _GREY, 3: _RGB}[channels]
        self._file.write(_START)
        self._chunk(b'IHDR', struct.pack('>IIBBBBB', size[1], size[0], 8, kind, 0, 0, 0))

    def add(self, rows: npt.NDArray[np.uint8]) -> None:
        """Write the next rows.

        Args:
            rows: Shape (n, W) or (n, W, channels), uint8.
        """
        flat = np.ascontiguousarray(rows).reshape(len(rows), self.size[1] * self.channels)
        lines = np.empty((len(flat), flat.shape[1] + 1), np.uint8)
        lines[:, 0] = _UP
        np.subtract(flat, np.concatenate([self._above, flat[:-1]]), out=lines[:, 1:])
        self._above = flat[-1:].copy()
        self._rows += len(flat)
        self._chunk(b'IDAT', self._deflate.compress(lines))

    def close(self) -> None:
        """Finish the file.

        Raises:
            ValueError: If rows are missing or there are too many.
        """
        if self._rows != self.size[0]:
            self.discard()
            raise ValueError(f'{self.path}: {self._rows} rows were written of {self.size[0]}')
        self._chunk(b'IDAT', self._deflate.flush())
        self._chunk(b'IEND', b'')
        self._file.close()
        os.replace(self._unfinished, self.path)

    def discard(self) -> None:
        """Remove what was written."""
        self._file.close()
        with suppress(OSError):
            self._unfinished.unlink()

    def _chunk(self, kind: bytes, content: bytes) -> None:
        if content or kind != b'IDAT':
            self._file.write(struct.pack('>I', len(content)) + kind + content)
            self._file.write(struct.pack('>I', zlib.crc32(kind + content)))
