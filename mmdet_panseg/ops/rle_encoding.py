"""COCO's run lengths of many masks at once, at the cost of what they cover."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch

_PIXELS_AT_A_TIME = 2**24


def rle_codes(
    crops: Sequence[npt.NDArray], corners: npt.NDArray[np.int64] | Sequence[Sequence[int]], size: tuple[int, int]
) -> list[bytes]:
    """Encode masks of an image that are known in windows and empty outside.

    All runs of a batch of masks are found, measured and written by a few array operations, so that small masks cost
    little each.

    Args:
        crops: Per mask the pixels of its window, bool or uint8 of 0 and 1, shape ``(h, w)``; what lies beyond the
            image at the right and bottom is cut off.
        corners: Left column and top row of each window, in pixels, shape ``(N, 2)``.
        size: Height and width of the image.

    Returns:
        ``counts`` of each mask, as ``pycocotools.mask.encode`` gives them for the whole mask.
    """
    places = np.asarray(corners, np.int64).reshape(-1, 2)
    limits = (size[::-1] - places).clip(0).tolist()
    inside = [crop[:height, :width] for crop, (width, height) in zip(crops, limits, strict=True)]
    codes: list[bytes] = []
    for first, last in _batches([crop.size for crop in inside]):
        positions, owners = _ends_of_runs(inside[first:last], places[first:last], size)
        codes += _codes(positions, owners, last - first, size[0] * size[1])
    return codes


def rle_codes_of_masks(masks: npt.NDArray[np.bool_]) -> list[bytes]:
    """Encode masks of the whole image: one quick look at all pixels, then as :func:`rle_codes` in their boxes.

    Args:
        masks: Bool masks, shape ``(N, H, W)``.

    Returns:
        ``counts`` of each mask.
    """
    size = (masks.shape[1], masks.shape[2])
    if not masks.size:
        return rle_codes([mask[:0, :0] for mask in masks], [(0, 0)] * len(masks), size)
    pixels = np.ascontiguousarray(masks).view(np.uint8)
    # A maximum of bytes is several times faster in torch than in NumPy.
    occupied = torch.from_numpy(pixels).amax(dim=2).numpy()
    crops, corners = [], []
    for mask, rows in zip(pixels, occupied, strict=True):
        top, bottom = _extent(rows)
        left, right = _extent(mask[top:bottom].max(axis=0, initial=0))
        crops.append(mask[top:bottom, left:right])
        corners.append((left, top))
    return rle_codes(crops, corners, size)


def _extent(line: npt.NDArray[np.uint8]) -> tuple[int, int]:
    """First and one past the last place that is set."""
    flags = line.tobytes()
    return max(0, flags.find(1)), flags.rfind(1) + 1


def _batches(areas: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Ranges of masks with a bounded number of pixels, or of one mask."""
    batch = np.cumsum(areas) // _PIXELS_AT_A_TIME
    edges = [0, *(np.flatnonzero(np.diff(batch)) + 1).tolist(), len(areas)]
    return ((first, last) for first, last in pairwise(edges) if first < last)


def _ends_of_runs(
    crops: Sequence[npt.NDArray], corners: npt.NDArray[np.int64], size: tuple[int, int]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where runs begin and end, in turn, in the image's columns one after the other; and the mask of each."""
    lengths = np.array([(crop.shape[0] + 1) * crop.shape[1] for crop in crops], np.int64)
    starts = np.cumsum(lengths) - lengths
    # What differs from the pixel above it, in windows with one more row.
    steps = np.empty(lengths.sum(), bool)
    for crop, start, length in zip(crops, starts.tolist(), lengths.tolist(), strict=True):
        _mark_steps(crop.view(bool), steps[start : start + length].reshape(-1, crop.shape[1]) if length else steps[:0])
    places = np.flatnonzero(steps)
    owners = np.repeat(np.arange(len(crops)), np.diff(np.searchsorted(places, starts), append=len(places)))
    rows, columns = np.divmod(places - starts[owners], np.array([crop.shape[1] for crop in crops])[owners])
    positions = (corners[owners, 0] + columns) * size[0] + corners[owners, 1] + rows
    # By mask, and then down the columns; an end may lie behind the last pixel.
    first_keys = owners * (size[0] * size[1] + 1)
    positions = np.sort(first_keys + positions, kind='stable') - first_keys
    # A run that reaches the bottom may go on at the top of the next column.
    joined = np.zeros(len(positions) + 1, bool)
    joined[2:-1:2] = (positions[1:-1:2] == positions[2::2]) & (owners[1:-1:2] == owners[2::2])
    kept = ~(joined[:-1] | joined[1:])
    return positions[kept], owners[kept]


def _mark_steps(crop: npt.NDArray[np.bool_], steps: npt.NDArray[np.bool_]) -> None:
    if not crop.size:
        steps[:] = False
        return
    steps[0], steps[-1] = crop[0], crop[-1]
    np.not_equal(crop[1:], crop[:-1], out=steps[1:-1])


def _codes(positions: npt.NDArray[np.int64], owners: npt.NDArray[np.int64], count: int, pixels: int) -> list[bytes]:
    """Write the runs of ``count`` masks of ``pixels`` pixels."""
    numbers = np.bincount(owners, minlength=count)
    lasts = np.cumsum(numbers + 1) - 1
    ends = np.full(lasts[-1] + 1, pixels, np.int64)
    ends[np.arange(len(positions)) + owners] = positions
    lengths = np.diff(ends, prepend=0)
    firsts = lasts - numbers
    lengths[firsts] = ends[firsts]
    # Nothing after the last run is not written; a mask with nothing set is one run.
    written = np.ones(len(lengths), bool)
    written[lasts] = (lengths[lasts] > 0) | (numbers == 0)
    places = np.arange(len(lengths)) - np.repeat(firsts, numbers + 1)
    values = lengths.copy()
    values[2:] -= np.where(places[2:] > 2, lengths[:-2], 0)
    sizes, letters = _letters(values[written])
    ends_of_codes = np.cumsum(np.append(0, sizes))[np.append(0, np.cumsum(written)[lasts])].tolist()
    return [letters[start:end] for start, end in pairwise(ends_of_codes)]


def _letters(values: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], bytes]:
    """Write signed numbers, five bits a character, the lowest first; the sixth bit says that more follow."""
    magnitudes = values ^ (values >> 63)
    sizes = np.ones(len(values), np.int64)
    limit = 16
    while (larger := magnitudes >= limit).any():
        sizes += larger
        limit <<= 5
    places: npt.NDArray[np.int64] = np.cumsum(sizes) - sizes
    letters = np.empty(sizes.sum(), np.uint8)
    left: npt.NDArray[np.int64] = sizes
    while len(values):
        letters[places] = (values & 31) + np.where(left > 1, 80, 48)
        more = np.flatnonzero(left > 1)
        values, places, left = values[more] >> 5, places[more] + 1, left[more] - 1
    return sizes, letters.tobytes()
