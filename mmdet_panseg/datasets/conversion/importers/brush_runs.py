"""Masks of Label Studio's brush: runs of the bytes of an RGBA picture, packed in bits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

OPAQUE = 128
"""Least alpha of a pixel that belongs to the mask: the rims of strokes are half transparent."""


def decode_brush(runs: Sequence[int], height: int, width: int) -> np.ndarray:
    """Decode a mask.

    The stream begins with the number of bytes (32 bits), the bits of a byte less one (5) and four sizes of run lengths
    less one (4 each). Blocks follow: a bit that says whether one value is repeated, two bits that choose a size, the
    length less one, and the value or values.

    Args:
        runs: Bytes of the stream, ``value.rle``.
        height: Height of the image in pixels.
        width: Width of the image in pixels.

    Returns:
        Bool mask (H, W).

    Raises:
        ValueError: If this is no such stream, or one of another size of image.
    """
    try:
        packed = np.array(runs, np.uint8)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("'rle' is no list of bytes") from error
    stream = _Bits(np.unpackbits(packed))
    count, word = stream.read(32), stream.read(5) + 1
    lengths = [stream.read(4) + 1 for _ in range(4)]
    if count != 4 * height * width or word != 8:
        raise ValueError(f"'rle' is of {count} values of {word} bits, and not of {width}x{height} pixels of RGBA")
    values = np.zeros(count, np.uint8)
    place = 0
    while place < count:
        repeated = stream.read(1)
        end = place + 1 + stream.read(lengths[stream.read(2)])
        if end > count:
            raise ValueError("'rle' has more values than the image")
        values[place:end] = stream.read(word) if repeated else stream.read_bytes(end - place)
        place = end
    return values.reshape(height, width, 4)[..., 3] >= OPAQUE


class _Bits:
    """A stream of bits that is read from its beginning."""

    def __init__(self, bits: np.ndarray) -> None:
        self._bits = bits
        self._place = 0

    def read(self, count: int) -> int:
        """Read a number of so many bits, the highest first."""
        return int(''.join(map(str, self._take(count).tolist())), 2)

    def read_bytes(self, count: int) -> np.ndarray:
        """Read so many numbers of eight bits."""
        return np.packbits(self._take(8 * count))

    def _take(self, count: int) -> np.ndarray:
        bits = self._bits[self._place : self._place + count]
        if len(bits) < count:
            raise ValueError("'rle' ends too early")
        self._place += count
        return bits
