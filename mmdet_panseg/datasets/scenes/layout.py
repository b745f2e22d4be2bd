"""Layout of the stuff: which stuff class each pixel of the empty scene belongs to.

Four kinds of places (landscape, aerial view, wall, street) put together from wavy bands, blobs, strips and
houses, so that most scenes have a class in several islands.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from .classes import STUFF_CLASSES

SKY, WATER, GRASS, ROAD, BRICK = range(len(STUFF_CLASSES))
_GROUND = (WATER, GRASS, ROAD)


def _fill(labels: np.ndarray, points: np.ndarray, label: int) -> None:
    cv2.fillPoly(labels, [np.round(points).astype(np.int32)], int(label))


def _wave(rng: Generator, x: np.ndarray, height: float) -> np.ndarray:
    """Sum of three sines over x in [0, 1], at most `height` high."""
    parts = [np.sin(2 * np.pi * (rng.uniform(0.5, 1.5) * k * x + rng.uniform())) / k for k in (1, 2, 4)]
    return height * np.sum(parts, axis=0) / 1.75


def _band(labels: np.ndarray, rng: Generator, top: float, label: int, wave: float) -> None:
    """Fill everything below a wavy border at `top` (share of the height)."""
    height, width = labels.shape
    x = np.linspace(0, 1, 33)
    y = height * (top + _wave(rng, x, wave))
    border = np.stack([x * width, y], axis=1)
    _fill(labels, np.concatenate([border, [[width, height], [0, height]]]), label)


def _blob(labels: np.ndarray, rng: Generator, label: int, top: float, flat: float) -> None:
    """Draw a rounded patch whose centre lies below `top`, `flat` times as high as wide."""
    height, width = labels.shape
    centre = np.array([rng.uniform(0, width), height * rng.uniform(top + 0.05, 1.0)])
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = np.sqrt(height * width) * np.exp(rng.uniform(np.log(0.05), np.log(0.2)))
    radius = radius * (1 + sum(rng.uniform(-0.3, 0.3) / k * np.cos(k * angle + rng.uniform(0, 6.3)) for k in (2, 3, 4)))
    patch = np.stack([radius * np.cos(angle), flat * radius * np.sin(angle)], axis=1) + centre
    patch[:, 1] = np.maximum(patch[:, 1], top * height)
    _fill(labels, patch, label)


def _strip(labels: np.ndarray, rng: Generator, label: int) -> None:
    """Draw a winding way or stream from border to border."""
    height, width = labels.shape
    t = np.linspace(-0.05, 1.05, 30)
    half = np.sqrt(height * width) * rng.uniform(0.025, 0.07)
    start, end = rng.uniform(-0.1, 1.1, 2)
    across = start + (end - start) * t + _wave(rng, t, 0.12)
    if rng.random() < 0.5:
        middle, side = np.stack([t * width, across * height], axis=1), np.array([0.0, half])
    else:
        middle, side = np.stack([across * width, t * height], axis=1), np.array([half, 0.0])
    _fill(labels, np.concatenate([middle + side, (middle - side)[::-1]]), label)


def _vanishing_road(labels: np.ndarray, rng: Generator, horizon: float) -> None:
    """Draw a road that narrows towards the horizon."""
    height, width = labels.shape
    far, near = rng.uniform(0.2, 0.8), rng.uniform(-0.1, 1.1)
    corners = [[far - 0.015, horizon], [far + 0.015, horizon], [near + rng.uniform(0.1, 0.25), 1.02]]
    corners.append([near - rng.uniform(0.1, 0.25), 1.02])
    _fill(labels, np.array(corners) * [width, height], ROAD)


def _opening(labels: np.ndarray, rng: Generator, x: float, y: float, w: float, h: float, label: int) -> None:
    """Draw a window or an archway; all arguments are shares of the image's sides."""
    height, width = labels.shape
    left, right, top, bottom = x * width, (x + w) * width, y * height, (y + h) * height
    points = [[left, bottom], [left, top], [right, top], [right, bottom]]
    if rng.random() < 0.5:
        angle = np.linspace(np.pi, 2 * np.pi, 12)
        radius = (right - left) / 2
        arch = np.stack([left + radius + radius * np.cos(angle), top + 0.8 * radius * np.sin(angle)], axis=1)
        points = [points[0], *arch, points[-1]]
    _fill(labels, np.array(points), label)


def _house(labels: np.ndarray, rng: Generator, ground: float, behind: int) -> None:
    height, width = labels.shape
    x, w = rng.uniform(-0.05, 0.9), rng.uniform(0.1, 0.28)
    bottom = ground + rng.uniform(0.02, 0.08)
    top = bottom - rng.uniform(0.16, 0.3)
    roof = top - rng.choice([0.0, rng.uniform(0.05, 0.1)])
    walls = np.array([[x, bottom], [x, top], [x + w / 2, roof], [x + w, top], [x + w, bottom]])
    _fill(labels, walls * [width, height], BRICK)
    if rng.random() < 0.6:
        for left in (0.18, 0.6):
            _opening(labels, rng, x + left * w, top + 0.3 * (bottom - top), 0.22 * w, 0.3 * (bottom - top), behind)


def _landscape(labels: np.ndarray, rng: Generator) -> None:
    labels[:] = SKY
    horizon = rng.uniform(0.18, 0.45)
    ground = rng.permutation(_GROUND)[: rng.integers(1, 4)]
    tops = horizon + (1 - horizon) * np.sort(np.append(0.0, rng.uniform(0.15, 0.85, len(ground) - 1)))
    for top, label in zip(tops, ground, strict=True):
        _band(labels, rng, top, label, rng.uniform(0.005, 0.04))
    if rng.random() < 0.3:
        _vanishing_road(labels, rng, horizon + 0.02)
    for _ in range(rng.integers(0, 5)):
        _blob(labels, rng, rng.choice(_GROUND), horizon + 0.05, rng.uniform(0.3, 0.5))
    for _ in range(rng.integers(0, 4)):
        _house(labels, rng, horizon, SKY)


def _aerial(labels: np.ndarray, rng: Generator) -> None:
    base = rng.choice(_GROUND)
    labels[:] = base
    others = [label for label in _GROUND if label != base]
    for _ in range(rng.integers(2, 8)):
        _blob(labels, rng, rng.choice(others), -0.05, rng.uniform(0.6, 1.0))
    for _ in range(rng.integers(0, 3)):
        _strip(labels, rng, rng.choice(others))


def _wall(labels: np.ndarray, rng: Generator) -> None:
    labels[:] = BRICK
    floor = rng.uniform(0.55, 0.85)
    num = int(rng.integers(1, 5))
    behind = rng.choice([SKY, SKY, GRASS, WATER])
    top, tall = rng.uniform(0.08, 0.25), rng.uniform(0.15, 0.35)
    for k in range(num):
        _opening(labels, rng, (k + 0.25) / num, top, 0.5 / num, tall, behind)
    _band(labels, rng, floor, rng.choice(_GROUND), rng.uniform(0, 0.02))
    for _ in range(rng.integers(0, 3)):
        _blob(labels, rng, rng.choice(_GROUND), floor, 0.35)


def _street(labels: np.ndarray, rng: Generator) -> None:
    labels[:] = SKY
    ground = rng.uniform(0.35, 0.55)
    for _ in range(rng.integers(2, 5)):
        _house(labels, rng, ground, SKY)
    _band(labels, rng, ground, GRASS, 0.01)
    kerb = ground + rng.uniform(0.08, 0.15)
    _band(labels, rng, kerb, ROAD, 0.005)
    _band(labels, rng, rng.uniform(kerb + 0.15, 1.0), rng.choice([GRASS, WATER]), 0.01)
    for _ in range(rng.integers(1, 4)):
        _blob(labels, rng, rng.choice([WATER, GRASS]), kerb, 0.35)


def draw_layout(rng: Generator, height: int, width: int) -> np.ndarray:
    """Draw the stuff classes of an empty scene.

    Args:
        rng: Source of everything random.
        height: Image height in pixels.
        width: Image width in pixels.

    Returns:
        (height, width) uint8 of indices into ``STUFF_CLASSES``.
    """
    labels = np.empty((height, width), np.uint8)
    kind = rng.choice(4, p=[0.4, 0.25, 0.2, 0.15])
    (_landscape, _aerial, _wall, _street)[kind](labels, rng)
    return labels


def void_border(labels: np.ndarray, rng: Generator) -> np.ndarray:
    """Choose, in few images, a thin unlabelled border around all regions of one stuff class.

    Args:
        labels: (height, width) stuff indices.
        rng: Decides whether, and around which class.

    Returns:
        (height, width) bool, true where the border is void.
    """
    wanted, label = rng.random() < 0.06, rng.choice(np.unique(labels))
    if not wanted:
        return np.zeros(labels.shape, bool)
    region = (labels == label).astype(np.uint8)
    return cv2.dilate(region, np.ones((3, 3), np.uint8)) > cv2.erode(region, np.ones((3, 3), np.uint8))
