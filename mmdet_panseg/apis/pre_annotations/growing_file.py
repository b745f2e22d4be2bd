"""Text files that are written piece by piece and have their name once they are whole."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class GrowingFile:
    """A text file that grows under a temporary name beside its own, which it takes when closed.

    Args:
        path: The file to be; its folder is made.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._unfinished = path.with_name(f'.{path.name}.{os.getpid()}.unfinished')
        self._file = self._unfinished.open('w', encoding='utf-8')

    def write(self, text: str) -> None:
        """Add some text."""
        self._file.write(text)

    def close(self) -> None:
        """Bring the file to the disk and give it its name."""
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())
        os.replace(self._unfinished, self.path)


class GrowingList:
    """A JSON file with a list that is written as it comes, an item a line.

    Args:
        path: The file to be.
    """

    def __init__(self, path: Path) -> None:
        self._file = GrowingFile(path)
        self._file.write('[')
        self._number = 0

    def add(self, item: Mapping[str, Any]) -> None:
        """Add an item to the list."""
        text = json.dumps(item, separators=(',', ':'), ensure_ascii=False)
        self._file.write((',\n' if self._number else '\n') + text)
        self._number += 1

    def close(self) -> None:
        """End the list and give the file its name."""
        self._file.write('\n]\n')
        self._file.close()
