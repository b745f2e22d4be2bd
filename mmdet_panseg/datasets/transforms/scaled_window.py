"""Windows of scaled images, for labels, masks and the image itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from mmdet_panseg.ops import MaskCrops


@dataclass(frozen=True)
class ScaledWindow:
    """Part of an image after scaling and perhaps mirroring, with its place on a canvas.

    Labels and masks are read at the nearest pixel, the image itself bilinearly.

    Attributes:
        top: Line of the canvas where the window begins, in pixels.
        left: Column of the canvas where it begins.
        rows: Line of the image that each line of the window reads, int64, shape (h,), ascending.
        columns: Column of the image that each of its columns reads, int64, shape (w,), ascending, or descending in a
            mirrored image.
    """

    top: int
    left: int
    rows: np.ndarray
    columns: np.ndarray

    @property
    def place(self) -> tuple[slice, slice]:
        """Where the window is on the canvas."""
        return slice(self.top, self.top + len(self.rows)), slice(self.left, self.left + len(self.columns))

    def labels(self, values: np.ndarray) -> np.ndarray:
        """Read a map.

        Args:
            values: Map of the whole image, shape (H, W).

        Returns:
            Map of the window, shape (h, w).
        """
        return values[np.ix_(self.rows, self.columns)]

    def pixels(self, image: np.ndarray) -> np.ndarray:
        """Read the image.

        Args:
            image: The whole image, shape (H, W) or (H, W, C).

        Returns:
            Pixels of the window, shape (h, w) or (h, w, C).
        """
        part = image[self.rows[0] : self.rows[-1] + 1, self.columns.min() : self.columns.max() + 1]
        if self.columns[0] > self.columns[-1]:
            part = part[:, ::-1]
        scaled = cv2.resize(part, (len(self.columns), len(self.rows)), interpolation=cv2.INTER_LINEAR)
        return scaled.reshape(*scaled.shape[:2], *image.shape[2:])

    def masks(self, masks: MaskCrops) -> Iterator[tuple[int, tuple[slice, slice], np.ndarray]]:
        """Read binary masks.

        Args:
            masks: Masks in windows of the image.

        Yields:
            Number of a mask whose own window this one sees, the part of this one that shows it, and the mask in it,
            bool.
        """
        boxes = masks.windows
        lines = _spans(self.rows, boxes[:, 1], boxes[:, 3])
        columns = _spans(self.columns, boxes[:, 0], boxes[:, 2])
        for k, ((y1, y2), (x1, x2)) in enumerate(zip(lines, columns, strict=True)):
            if y1 < y2 and x1 < x2:
                crop = masks.pixels[k][np.ix_(self.rows[y1:y2] - boxes[k, 1], self.columns[x1:x2] - boxes[k, 0])]
                yield k, (slice(y1, y2), slice(x1, x2)), crop.view(bool)


def read_positions(length: int, scaled: int, start: int, count: int) -> np.ndarray:
    """Give the pixels that a part of a scaled line reads, those whose centres are nearest.

    Args:
        length: Pixels of the line.
        scaled: Its pixels after scaling.
        start: First pixel of the part after scaling.
        count: Pixels of the part.

    Returns:
        Indices in the line, ascending, int64, shape (count,).
    """
    return (2 * np.arange(start, start + count) + 1) * length // (2 * scaled)


def _spans(positions: np.ndarray, low: np.ndarray, high: np.ndarray) -> list[list[int]]:
    """Beginning and end of those positions, ascending or descending, that are in each interval [low, high)."""
    if positions[0] <= positions[-1]:
        ends = np.searchsorted(positions, low), np.searchsorted(positions, high)
    else:
        ends = (len(positions) - np.searchsorted(positions[::-1], side) for side in (high, low))
    return np.stack([*ends], axis=1).tolist()
