"""Sprites: things cut out at their own size, with soft edges, ready to be laid over a scene."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from .shapes import Outline, draw_outline, pose_outline

_OVERSAMPLE = 4
_SHIFT = 4
# Digits stay legible; everything else may lie any way round.
_MAX_TURN = dict(digit=0.6)


@dataclass
class Sprite:
    """One thing on its own patch of the image, which may reach over the image's border.

    Attributes:
        name: Thing class.
        left: Column of the patch's first pixel in the image.
        top: Row of the patch's first pixel in the image.
        cover: (h, w) uint8, share of each pixel that the thing covers, 255 for all of it.
        size: Square root of the area of the thing's box in pixels.
    """

    name: str
    left: int
    top: int
    cover: np.ndarray
    size: float

    @property
    def mask(self) -> np.ndarray:
        """(h, w) bool: pixels covered by at least half."""
        return self.cover >= 128

    def window(self, height: int, width: int) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
        """Rows and columns of the part inside an image, in the image and in the patch; None if there is none."""
        h, w = self.cover.shape
        y0, y1 = max(self.top, 0), min(self.top + h, height)
        x0, x1 = max(self.left, 0), min(self.left + w, width)
        if y0 >= y1 or x0 >= x1:
            return None
        inside = slice(y0 - self.top, y1 - self.top), slice(x0 - self.left, x1 - self.left)
        return (slice(y0, y1), slice(x0, x1)), inside


def rasterise(outline: Outline, centre: np.ndarray) -> tuple[int, int, np.ndarray]:
    """Draw an outline with soft edges by filling it at four times the resolution.

    Args:
        outline: Contours in pixels around the origin.
        centre: x, y of the origin in the image; pixel i covers [i, i + 1).

    Returns:
        Left, top and cover (h, w) uint8 of the patch, with a free border of at least one pixel.
    """
    points = np.concatenate(outline) + centre
    low = np.floor(points.min(axis=0)).astype(int) - 1
    size = np.ceil(points.max(axis=0)).astype(int) + 1 - low
    fine = np.zeros(size[::-1] * _OVERSAMPLE, np.uint8)
    contours = [((c + centre - low) * _OVERSAMPLE - 0.5) * (1 << _SHIFT) for c in outline]
    cv2.fillPoly(fine, [np.round(c).astype(np.int32) for c in contours], 255, shift=_SHIFT)
    cover = cv2.resize(fine, tuple(int(s) for s in size), interpolation=cv2.INTER_AREA)
    return int(low[0]), int(low[1]), cover


def make_sprite(name: str, rng: Generator, split: str, size: float, centre: np.ndarray) -> Sprite:
    """Draw a thing.

    Args:
        name: One of ``THING_CLASSES``.
        rng: Source of shape, aspect and angle.
        split: ``'train'`` or ``'val'``.
        size: Square root of the area of its box in pixels.
        centre: x, y of the centre of its box in the image.
    """
    outline = pose_outline(draw_outline(name, rng, split), rng, size, _MAX_TURN.get(name, np.pi))
    left, top, cover = rasterise(outline, centre)
    return Sprite(name, left, top, cover, size)
