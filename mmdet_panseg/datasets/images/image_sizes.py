"""Sizes of image files against those of the annotation file, by their headers."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

LOOKED_AT = 200
"""Number of files whose headers are read, spread evenly over the data set."""

_EXIF_ORIENTATION = 0x0112
# Orientations that swap the sides.
_TURNED = (5, 6, 7, 8)


def looked_at(count: int) -> list[int]:
    """Choose the indices of the files to look at, of ``count``."""
    number = min(count, LOOKED_AT)
    return [place * count // number for place in range(number)]


def differs_from_file(path: str, width: int, height: int) -> tuple[int, int] | None:
    """Compare an annotated size with an image file's.

    Args:
        path: Path of the file.
        width: Annotated width in pixels.
        height: Annotated height in pixels.

    Returns:
        Width and height of the file if the annotated ones are neither these nor, where EXIF turns the image, these
        swapped; None otherwise, and for a file that Pillow does not read: the loader names it.
    """
    try:
        with Image.open(path) as image:
            size = image.size
            turned = image.getexif().get(_EXIF_ORIENTATION) in _TURNED
    except Exception:  # each format raises its own kind
        return None
    fitting: Sequence[tuple[int, int]] = (size, size[::-1]) if turned else (size,)
    return None if (width, height) in fitting else size
