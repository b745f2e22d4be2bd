"""Outlines of the shapes that annotation tools have beside polygons."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

_LARGEST_ERROR = 0.1


def polygon(points: Sequence[Sequence[float]]) -> np.ndarray:
    """Make an outline of points.

    Args:
        points: x and y of each, in pixels.

    Returns:
        Float64 of shape (P, 2).

    Raises:
        ValueError: If there are fewer than three points, or what is there is no pair of finite numbers.
    """
    try:
        outline = np.array(points, np.float64)
    except TypeError as error:
        raise ValueError('points that are no pairs of numbers') from error
    if outline.ndim != 2 or outline.shape[1] != 2:
        raise ValueError('points that are no pairs of numbers')
    if len(outline) < 3:
        raise ValueError(f'{len(outline)} points, where an outline has three or more')
    if not np.isfinite(outline).all():
        raise ValueError('coordinates that are not finite')
    return outline


def rectangle(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """Give the four corners of a rectangle."""
    return polygon([(left, top), (right, top), (right, bottom), (left, bottom)])


def ellipse(x: float, y: float, radius_x: float, radius_y: float) -> np.ndarray:
    """Give an outline that is nowhere more than a tenth of a pixel from the ellipse around ``(x, y)``."""
    radius = max(abs(radius_x), abs(radius_y), 1.0)
    count = max(12, math.ceil(math.pi / math.acos(1 - min(_LARGEST_ERROR / radius, 0.5))))
    angles = np.arange(count) * (2 * math.pi / count)
    return polygon(np.stack([x + radius_x * np.cos(angles), y + radius_y * np.sin(angles)], axis=1))


def rotated(outline: np.ndarray, degrees: float, x: float, y: float) -> np.ndarray:
    """Turn an outline clockwise (as seen, with y down) around ``(x, y)``."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    return (outline - (x, y)) @ np.array([[cosine, sine], [-sine, cosine]]) + (x, y)
