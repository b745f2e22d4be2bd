"""A COCO file that grows image by image and can be read at any time."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

# The list of images is written anew at the end of the file each time: not so often that it costs more than this share.
_SHARE_OF_TIME = 0.05


class GrowingJson:
    """A JSON file of ``categories``, ``annotations`` and ``images``.

    New annotations take the place of the file's end, and the end is written behind them, so that whatever stops the
    program leaves a file with what was done.

    Args:
        path: The file; an older one is replaced.
        categories: The classes.
    """

    def __init__(self, path: Path, categories: Sequence[dict[str, Any]]) -> None:
        self.path = path
        self._images: list[str] = []
        self._waiting: list[str] = []
        self._due = 0.0
        self._file = path.open('w+b')
        self._file.write(f'{{"categories": {json.dumps(list(categories))},\n"annotations": ['.encode())
        self._end, self._first = self._file.tell(), True
        self._flush()

    def add(self, image: dict[str, Any], annotations: Sequence[dict[str, Any]]) -> None:
        """Add an image.

        Args:
            image: Entry of ``images``.
            annotations: What was found in it.
        """
        self._images.append(json.dumps(image))
        self._waiting += map(json.dumps, annotations)
        if time.monotonic() >= self._due:
            self._flush()

    def close(self) -> None:
        """Write what is left."""
        if not self._file.closed:
            self._flush()
            self._file.close()

    def __enter__(self) -> GrowingJson:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _flush(self) -> None:
        start = time.monotonic()
        records = ',\n'.join(self._waiting)
        if records:
            records = ('\n' if self._first else ',\n') + records
            self._first = False
        self._waiting = []
        self._file.seek(self._end)
        self._file.write(records.encode())
        self._end = self._file.tell()
        tail = ',\n'.join(self._images)
        self._file.write(f'\n],\n"images": [\n{tail}\n]}}\n'.encode())
        self._file.truncate()
        self._file.flush()
        now = time.monotonic()
        self._due = now + (now - start) * (1 / _SHARE_OF_TIME - 1)
