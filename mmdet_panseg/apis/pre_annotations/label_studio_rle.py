"""Label Studio's run-length encoding of brush masks, a stream of bits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# Bits that a run's length may have; the stream names them in its head, and each run says by two bits which it uses.
_LENGTH_BITS = np.array([3, 4, 8, 16])
_LONGEST = 2 ** int(_LENGTH_BITS[-1])
_WORD_BITS = 8
_CHANNELS = 4


def brush_rle(mask: npt.NDArray[np.bool_]) -> list[int]:
    """Encode a mask as the ``rle`` of a Label Studio brush region.

    The mask is an RGBA image, row by row, whose channels are all 255 inside and 0 outside. The head has 32 bits for
    the number of values, 5 for the bits of a value less 1, and four times 4 for the bits of a length less 1. Each run
    is a bit 1, 2 bits for the kind of length, the length less 1, and the value. Zeros fill the last byte.

    Args:
        mask: Boolean mask, shape ``(H, W)``, not empty in size.

    Returns:
        Bytes, 0 to 255.
    """
    values = mask.reshape(-1)
    ends = np.append(np.flatnonzero(values[1:] != values[:-1]), len(values) - 1)
    lengths, words = _CHANNELS * np.diff(ends, prepend=-1), np.where(values[ends], 255, 0)
    lengths, words = _split_long_runs(lengths, words)
    kinds = np.searchsorted(2**_LENGTH_BITS, lengths)
    sizes = _LENGTH_BITS[kinds]
    codes = (((1 << 2 | kinds) << sizes | lengths - 1) << _WORD_BITS) | words
    bits = [
        _bits(len(values) * _CHANNELS, 32),
        _bits(_WORD_BITS - 1, 5),
        *(_bits(size - 1, 4) for size in _LENGTH_BITS),
    ]
    return np.packbits(np.concatenate([*bits, _bits_of_runs(codes, 3 + sizes + _WORD_BITS)])).tolist()


def _split_long_runs(
    lengths: npt.NDArray[np.integer], words: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]:
    pieces = -(-lengths // _LONGEST)
    split = np.full(pieces.sum(), _LONGEST)
    split[pieces.cumsum() - 1] = lengths - (pieces - 1) * _LONGEST
    return split, words.repeat(pieces)


def _bits(number: int, width: int) -> npt.NDArray[np.uint8]:
    return ((int(number) >> np.arange(width - 1, -1, -1)) & 1).astype(np.uint8)


def _bits_of_runs(codes: npt.NDArray[np.integer], widths: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
    """Write numbers one after the other, each with its own number of bits, the highest bit first."""
    places = widths[:, None] - 1 - np.arange(widths.max())
    return (codes[:, None] >> places.clip(min=0) & 1)[places >= 0].astype(np.uint8)
