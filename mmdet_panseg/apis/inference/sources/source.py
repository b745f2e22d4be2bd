"""What every source of images gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class SourceImage:
    """An image to predict on.

    Attributes:
        name: Its name, see :class:`~mmdet_panseg.apis.inference.Prediction`.
        pixels: BGR, uint8, shape (H, W, 3), as it is displayed; shape (H, W) where a config loads images in grey.
        time: Seconds from the start of a video, or None.
    """

    name: str
    pixels: npt.NDArray[np.uint8]
    time: float | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.pixels.shape[:2]

    def rgb(self) -> npt.NDArray[np.uint8]:
        """Look at the image in RGB, shape (H, W, 3)."""
        if self.pixels.ndim == 2:
            return np.broadcast_to(self.pixels[..., None], (*self.pixels.shape, 3))
        return self.pixels[..., ::-1]


@dataclass
class Source(ABC):
    """Images, one after the other; it may be gone through more than once.

    Attributes:
        left_out: What could not be read the last time, one text each.
    """

    left_out: list[str] = field(default_factory=list, init=False)

    @abstractmethod
    def __iter__(self) -> Iterator[SourceImage]:
        """Read the images."""

    def __len__(self) -> int:
        """Give the number of images, 0 if it is not known."""
        return 0
