"""Arrays as a source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mmdet_panseg.apis.inference.errors import SourceError

from .source import Source, SourceImage


@dataclass
class ArraySource(Source):
    """Images that are in memory: BGR as OpenCV reads them, or grey, uint8.

    Attributes:
        arrays: Shape (H, W), (H, W, 1), (H, W, 3), or (H, W, 4), whose last channel is opacity and is not looked at.
    """

    arrays: Sequence[np.ndarray]

    def __post_init__(self) -> None:
        for index, array in enumerate(self.arrays):
            _require_image(array, f'image_{index:04d}')

    def __iter__(self) -> Iterator[SourceImage]:
        """Give the images, named by their places."""
        for index, array in enumerate(self.arrays):
            yield SourceImage(f'image_{index:04d}', bgr_image(array))

    def __len__(self) -> int:
        return len(self.arrays)


def bgr_image(array: np.ndarray) -> np.ndarray:
    """Give an image three channels, shape (H, W, 3)."""
    array = array[..., None] if array.ndim == 2 else array
    return np.ascontiguousarray(np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array[..., :3])


def _require_image(array: np.ndarray, name: str) -> None:
    if array.ndim not in (2, 3) or array.ndim == 3 and array.shape[2] not in (1, 3, 4) or not array.size:
        raise SourceError(f'{name}: an array of shape {array.shape} is no image; give (H, W) or (H, W, 3), BGR.')
    if array.dtype != np.uint8:
        raise SourceError(f'{name}: an array of {array.dtype}; images are uint8, from 0 to 255: convert it.')
