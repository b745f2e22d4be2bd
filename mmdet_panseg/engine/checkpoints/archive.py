"""Whether the archive of a checkpoint is as ``torch.save`` wrote it."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path


def archive_fault(path: str | os.PathLike) -> str | None:
    """Look for damage and for claims that would fill the memory.

    Every entry has a CRC, which ``torch.load`` does not look at: a flipped bit in a weight would go unnoticed. Reading
    for it takes as long as reading the file.

    Args:
        path: A zip archive.

    Returns:
        What is wrong with it, or None.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                return 'its archive is compressed, which torch.save does not do'
            if sum(entry.file_size for entry in entries) > Path(path).stat().st_size:
                return 'its archive claims to hold more than the file has'
            damaged = archive.testzip()
    except (OSError, zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
        return f'its archive is broken or cut short ({error})'
    return None if damaged is None else f'the content of {damaged} is damaged, its checksum is another'
