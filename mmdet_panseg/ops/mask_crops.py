"""Binary masks of an image, each kept in a window of its own: what they cost is what they cover."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from .mask_geometry import MaskGeometry, mask_geometry

Pixels = npt.NDArray[np.uint8]


class MaskCrops(NamedTuple):
    """``N`` masks; outside their windows they are empty.

    Attributes:
        pixels: Per mask the pixels of its window, values 0 and 1, uint8, shape ``(y2 - y1, x2 - x1)``.
        windows: ``(x1, y1, x2, y2)`` in pixels, far sides exclusive, int64, shape ``(N, 4)``; a window may be larger
            than its mask.
    """

    pixels: list[Pixels]
    windows: npt.NDArray[np.int64]

    def select(self, index: npt.NDArray) -> MaskCrops:
        """Choose masks by their numbers, int64, shape ``(K,)``."""
        return MaskCrops([self.pixels[k] for k in index.tolist()], self.windows[index])

    def cut(self, window: tuple[int, int, int, int]) -> MaskCrops:
        """Cut a window ``(x1, y1, x2, y2)`` out of the image; its corner becomes the origin."""
        x1, y1, x2, y2 = window
        inside = self.windows.clip([x1, y1, x1, y1], [x2, y2, x2, y2])
        inside[(inside[:, 2:] <= inside[:, :2]).any(axis=1)] = [x1, y1, x1, y1]
        parts = inside - np.tile(self.windows[:, :2], 2)
        pixels = [crop[y1:y2, x1:x2] for crop, (x1, y1, x2, y2) in zip(self.pixels, parts.tolist(), strict=True)]
        return MaskCrops(pixels, inside - np.array([x1, y1, x1, y1]))

    def moved(self, right: int, down: int) -> MaskCrops:
        """Move all masks by whole pixels."""
        return MaskCrops(self.pixels, self.windows + np.array([right, down, right, down]))

    def mirrored(self, size: tuple[int, int], *, horizontally: bool, vertically: bool) -> MaskCrops:
        """Mirror the image, of height and width ``size``."""
        height, width = size
        windows = self.windows.copy()
        if horizontally:
            windows[:, [0, 2]] = width - windows[:, [2, 0]]
        if vertically:
            windows[:, [1, 3]] = height - windows[:, [3, 1]]
        steps = slice(None, None, -1 if vertically else 1), slice(None, None, -1 if horizontally else 1)
        return MaskCrops([crop[steps] for crop in self.pixels], windows)

    def resampled(self, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> MaskCrops:
        """Read the image at other rows and columns, both ascending: pixel ``(i, j)`` is ``(rows[i], columns[j])``."""
        x1, x2 = (np.searchsorted(columns, self.windows[:, side]) for side in (0, 2))
        y1, y2 = (np.searchsorted(rows, self.windows[:, side]) for side in (1, 3))
        windows = np.stack([x1, y1, x2, y2], axis=1)
        pixels = [
            crop[rows[top:bottom] - y0][:, columns[left:right] - x0]
            for crop, (x0, y0, _, _), (left, top, right, bottom) in zip(
                self.pixels, self.windows.tolist(), windows.tolist(), strict=True
            )
        ]
        return MaskCrops(pixels, windows)

    def dense(self, size: tuple[int, int]) -> Pixels:
        """Give the masks of the whole image of height and width ``size``, uint8, shape ``(N, *size)``."""
        masks = np.zeros((len(self.pixels), *size), np.uint8)
        for mask, crop, (x1, y1, x2, y2) in zip(masks, self.pixels, self.windows.tolist(), strict=True):
            mask[y1:y2, x1:x2] = crop
        return masks

    def geometry(self) -> MaskGeometry:
        """Measure the masks, to the last bit as :func:`mask_geometry` does for whole ones."""
        count = len(self.pixels)
        seen = np.flatnonzero([crop.size for crop in self.pixels])
        if not len(seen):
            return mask_geometry(np.zeros((count, 1, 1), np.uint8))
        if len(seen) == count:
            return _geometry(self.pixels, self.windows)
        found = self.select(seen).geometry()
        areas, centers, boxes = (np.zeros((count, *own.shape[1:]), own.dtype) for own in found)
        areas[seen], centers[seen], boxes[seen] = found
        return MaskGeometry(areas, centers, boxes)


def joined_crops(crops: Sequence[tuple[npt.NDArray, tuple[int, int]]]) -> MaskCrops:
    """Join masks that come one by one.

    Args:
        crops: Per mask the pixels of a window, uint8 or bool, shape ``(h, w)``, and its left column and top row.

    Returns:
        The masks.
    """
    windows = [(x, y, x + crop.shape[1], y + crop.shape[0]) for crop, (x, y) in crops]
    return MaskCrops([crop.view(np.uint8) for crop, _ in crops], np.array(windows, np.int64).reshape(-1, 4))


def crops_of_masks(masks: npt.NDArray) -> MaskCrops:
    """Cut masks of the whole image out along their tight boxes.

    Args:
        masks: Binary masks, shape ``(N, H, W)``.

    Returns:
        Copies of the pixels.
    """
    masks = masks.astype(np.uint8, copy=False)
    windows = mask_geometry(masks).boxes.astype(np.int64)
    pixels = [mask[y1:y2, x1:x2].copy() for mask, (x1, y1, x2, y2) in zip(masks, windows.tolist(), strict=True)]
    return MaskCrops(pixels, windows)


def _geometry(pixels: Sequence[Pixels], windows: npt.NDArray[np.int64]) -> MaskGeometry:
    """Measure masks whose windows all have pixels."""
    contiguous = [np.ascontiguousarray(crop) for crop in pixels]
    sums = [
        np.concatenate([cv2.reduce(crop, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() for crop in contiguous])
        for axis in (0, 1)
    ]
    ends, moments = [], []
    for counts, side in zip(sums, (0, 1), strict=True):
        lengths = windows[:, side + 2] - windows[:, side]
        starts = np.cumsum(lengths) - lengths
        places = np.arange(len(counts)) + np.repeat(windows[:, side] - starts, lengths)
        occupied = counts > 0
        last = np.maximum.reduceat(np.where(occupied, places + 1, 0), starts)
        first = np.minimum.reduceat(np.where(occupied, places, np.iinfo(np.int64).max), starts)
        ends += [np.where(last > 0, first, 0), last]
        moments.append(np.add.reduceat(counts * places, starts))
        areas = np.add.reduceat(counts, starts, dtype=np.int64)
    normalizer = np.maximum(areas.astype(np.float32), np.float32(1e-6))
    centers = np.stack(moments, axis=1).astype(np.float32) / normalizer[:, None]
    x1, x2, y1, y2 = ends
    return MaskGeometry(areas, centers, np.stack([x1, y1, x2, y2], axis=1).astype(np.float32))
