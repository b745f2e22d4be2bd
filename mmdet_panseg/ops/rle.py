"""COCO's run lengths of a mask in a large image, by way of its box alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_masks

from .rle_encoding import rle_codes

RLE = dict[str, Any]


def rle_from_crop(crop: npt.NDArray[np.bool_], corner: tuple[int, int], size: tuple[int, int]) -> RLE:
    """Encode a mask that is known in a window of the image and empty outside.

    Args:
        crop: Bool mask of the window, shape ``(h, w)``; what lies beyond the image at the right and bottom is cut off.
        corner: Left column and top row of the window, in pixels.
        size: Height and width of the image.

    Returns:
        ``size`` and ``counts``, as ``pycocotools.mask.encode`` gives them for the whole mask.
    """
    return dict(size=list(size), counts=rle_codes([crop], [corner], size)[0])


def crop_from_rle(rle: RLE) -> tuple[npt.NDArray[np.bool_], tuple[int, int]]:
    """Decode a mask in its box.

    Args:
        rle: ``size`` and ``counts``, bytes.

    Returns:
        Bool mask of the box, shape ``(h, w)``, ``(0, 0)`` for an empty mask, and left column and top row of the box.
    """
    left, top, columns, rows = (int(side) for side in coco_masks.toBbox(rle))
    if columns == 0 or rows == 0:
        return np.zeros((0, 0), bool), (0, 0)
    edges = np.cumsum(rle_counts(rle['counts']))
    column, row = np.divmod(edges[: len(edges) // 2 * 2], rle['size'][0])
    # Above and below the box nothing is set, so that edges there can move to its border.
    edges = (column - left) * rows + (row - top).clip(0, rows)
    change = np.zeros(columns * rows + 1, np.int8)
    change[edges[0::2]] += 1
    change[edges[1::2]] -= 1
    pixels = np.cumsum(change[:-1], dtype=np.int8, out=change[:-1]).view(bool)
    return pixels.reshape(columns, rows).T, (left, top)


def crop_from_segmentation(
    segmentation: RLE | Sequence[Sequence[float]], size: tuple[int, int]
) -> tuple[npt.NDArray[np.bool_], tuple[int, int]]:
    """Draw the ``segmentation`` of a COCO file in its box.

    Args:
        segmentation: As :func:`rle_code` takes it.
        size: Height and width of the image.

    Returns:
        As :func:`crop_from_rle`.
    """
    return crop_from_rle(dict(size=list(size), counts=rle_code(segmentation, size)))


def rle_code(segmentation: RLE | Sequence[Sequence[float]], size: tuple[int, int]) -> bytes:
    """Encode the ``segmentation`` of a COCO file.

    Args:
        segmentation: Run lengths whose ``counts`` are bytes, a text or a list, or at least one polygon.
        size: Height and width of the image.

    Returns:
        ``counts`` of the mask.
    """
    if not isinstance(segmentation, dict):
        return coco_masks.merge(coco_masks.frPyObjects(segmentation, *size))['counts']
    counts = segmentation['counts']
    if isinstance(counts, list):
        return coco_masks.frPyObjects(segmentation, *size)['counts']
    return counts.encode() if isinstance(counts, str) else counts


def rle_counts(code: bytes) -> npt.NDArray[np.int64]:
    """Read the lengths of the runs, of zeros first, from COCO's compressed ``counts``.

    Args:
        code: Five bits a character, of signed numbers; from the fourth on they are differences to the one before the
            last.

    Returns:
        Lengths in pixels, int64.
    """
    digits = np.frombuffer(code, np.uint8).astype(np.int64) - 48
    ends = np.flatnonzero((digits & 32) == 0)
    lengths = np.diff(ends, prepend=-1)
    starts = ends + 1 - lengths
    places = np.arange(len(digits)) - np.repeat(starts, lengths)
    values = np.add.reduceat((digits & 31) << (5 * places), starts)
    values -= np.where(digits[ends] & 16, np.int64(1) << (5 * lengths), 0)
    for chain in (slice(1, None, 2), slice(2, None, 2)):
        values[chain] = np.cumsum(values[chain])
    return values


def rle_intersection(one: RLE, other: RLE) -> int:
    """Count the pixels that two masks share."""
    return int(coco_masks.area(coco_masks.merge([one, other], intersect=True)))
