"""Outlines of the thing classes, before they are turned, stretched and placed.

An outline is a list of closed contours, float64 (N, 2) in x, y, filled by the even-odd rule, so that a contour
inside another one is a hole. Crescent, ell, triangle and most digits have their centre of mass away from the centre
of their box.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from .digits import digit_outline

Outline = list[np.ndarray]


def _circle(radius: float, num: int = 48) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, num, endpoint=False)
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _disc(rng: Generator) -> Outline:
    return [_circle(0.5)]


def _box(rng: Generator) -> Outline:
    half = 0.5 * rng.uniform(0.65, 1.0)
    return [np.array([[-0.5, -half], [0.5, -half], [0.5, half], [-0.5, half]])]


def _triangle(rng: Generator) -> Outline:
    return [np.array([[rng.uniform(-0.25, 0.25), -0.45], [0.5, 0.45], [-0.5, 0.45]])]


def _star(rng: Generator) -> Outline:
    points = int(rng.integers(5, 7))
    angle = np.arange(2 * points) * np.pi / points - np.pi / 2
    radius = np.where(np.arange(2 * points) % 2 == 0, 0.5, 0.5 * rng.uniform(0.4, 0.52))
    return [np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)]


def _ring(rng: Generator) -> Outline:
    return [_circle(0.5), _circle(0.5 * rng.uniform(0.45, 0.68))]


def _crescent(rng: Generator) -> Outline:
    # Both arcs end where the unit circle and the bite, a circle moved by `shift`, meet: at +-`tip` and +-`bite_tip`.
    shift, bite = rng.uniform(0.35, 0.55), rng.uniform(0.75, 0.85)
    tip = np.arccos((1 + shift**2 - bite**2) / (2 * shift))
    bite_tip = np.arctan2(np.sin(tip), np.cos(tip) - shift)
    outer = np.linspace(tip, 2 * np.pi - tip, 40)
    inner = np.linspace(2 * np.pi - bite_tip, bite_tip, 30)[1:-1]
    x = np.concatenate([np.cos(outer), shift + bite * np.cos(inner)])
    y = np.concatenate([np.sin(outer), bite * np.sin(inner)])
    return [0.5 * np.stack([x, y], axis=1)]


def _ell(rng: Generator) -> Outline:
    post, foot = rng.uniform(0.26, 0.4, 2)
    mirror = rng.choice([-1.0, 1.0])
    corners = [[-0.5, -0.5], [post - 0.5, -0.5], [post - 0.5, 0.5 - foot], [0.5, 0.5 - foot], [0.5, 0.5], [-0.5, 0.5]]
    return [np.array(corners) * [mirror, 1.0]]


_DRAWERS: dict[str, Callable[[Generator], Outline]] = dict(
    disc=_disc, box=_box, triangle=_triangle, star=_star, ring=_ring, crescent=_crescent, ell=_ell
)


def draw_outline(name: str, rng: Generator, split: str) -> Outline:
    """Draw an upright outline of a thing class, about one unit wide and high.

    Args:
        name: One of ``THING_CLASSES``.
        rng: Source of the shape's own variation.
        split: ``'train'`` or ``'val'``; the two draw from different handwritten digits.

    Returns:
        Closed contours, each (N, 2) in x (right) and y (down).
    """
    if name == 'digit':
        return digit_outline(rng, split)
    return _DRAWERS[name](rng)


def pose_outline(outline: Outline, rng: Generator, size: float, max_turn: float) -> Outline:
    """Stretch and turn an outline at random and scale it to a size.

    Args:
        outline: Contours as from :func:`draw_outline`.
        rng: Source of aspect and angle.
        size: Square root of the area of the resulting axis-aligned box, in pixels.
        max_turn: Largest turn to either side in radians.

    Returns:
        Contours in pixels, the centre of their box at the origin.
    """
    aspect = np.exp(rng.uniform(-0.22, 0.22))
    angle = rng.uniform(-max_turn, max_turn)
    cos, sin = np.cos(angle), np.sin(angle)
    pose = np.array([[cos, -sin], [sin, cos]]) @ np.diag([aspect, 1 / aspect])
    posed = [contour @ pose.T for contour in outline]
    points = np.concatenate(posed)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = size / np.sqrt(np.prod(high - low))
    return [(contour - (low + high) / 2) * scale for contour in posed]
