"""Placement: which things stand where, how large, and in which order."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from .classes import THING_CLASSES
from .settings import SceneSettings
from .sprites import Sprite, make_sprite

_NO_THINGS = 0.05
_CROWD = 0.065
_BUSY = 0.15  # share of images with many things in one or two heaps


def _count_things(rng: Generator, most: int, busy: bool) -> int:
    low, high = (2 / 3, 1.0) if busy else (0.0, 3 / 4)
    return max(1, round(most * rng.uniform(low, high)))


def _thing_size(rng: Generator, settings: SceneSettings) -> float:
    """Log-uniform between the smallest and the largest size, with a lean to the larger ones."""
    share = rng.random() ** 0.5
    return float(settings.min_size * (settings.max_size / settings.min_size) ** share)


def _distance(sprites: list[Sprite], centre: np.ndarray, size: float) -> float:
    """Gap to the nearest thing in units of the two sizes; large when there is none."""
    gaps = [10.0]
    for other in sprites:
        h, w = other.cover.shape
        middle = np.array([other.left + w / 2, other.top + h / 2])
        gaps.append(float(np.linalg.norm(middle - centre)) * 2 / (size + other.size))
    return min(gaps)


def place_things(rng: Generator, settings: SceneSettings, split: str) -> list[Sprite]:
    """Draw the separate things of one image.

    Args:
        rng: Source of everything random.
        settings: Size of the image and limits of the things.
        split: ``'train'`` or ``'val'``.

    Returns:
        Sprites from back to front; empty in about one image in twenty.
    """
    empty, busy = rng.random() < _NO_THINGS, rng.random() < _BUSY
    if empty:
        return []
    extent = np.array([settings.width, settings.height], float)
    heaps = rng.uniform(0.2, 0.8, (2, 2)) * extent
    sprites: list[Sprite] = []
    for _ in range(_count_things(rng, settings.max_things, busy)):
        size = _thing_size(rng, settings)
        if busy:
            centres = rng.normal(heaps[rng.integers(2)], 0.16 * extent, (2, 2))
        else:
            centres = rng.uniform(0.0, 1.0, (3, 2)) * extent
        centre = max(centres, key=lambda c: _distance(sprites, c, size))
        name = THING_CLASSES[rng.integers(len(THING_CLASSES))]
        sprites.append(make_sprite(name, rng, split, size, centre))
    # Large things first keeps most of the small ones in sight; the noise lets some be hidden.
    order = np.argsort([-np.log(s.size) + rng.normal(0, 0.9) for s in sprites], kind='stable')
    return [sprites[i] for i in order]


def place_crowd(rng: Generator, settings: SceneSettings, split: str) -> tuple[list[Sprite], np.ndarray] | None:
    """Draw, in few images, a clump of many tiny things of one class.

    Args:
        rng: Source of everything random.
        settings: Size of the image and limits of the things.
        split: ``'train'`` or ``'val'``.

    Returns:
        The members from back to front and the region (height, width) bool that one crowd annotation covers: the members
        and the narrow gaps between them. None in most images.
    """
    if rng.random() >= _CROWD:
        return None
    height, width = settings.height, settings.width
    size = settings.min_size * rng.uniform(0.9, 1.5)
    number = int(rng.integers(16, 40))
    spread = 0.62 * size * np.sqrt(number) * np.array([rng.uniform(1.0, 1.6), 0.9])
    centre = rng.uniform(0.15, 0.85, 2) * [width, height]
    name = THING_CLASSES[rng.integers(len(THING_CLASSES))]
    region = np.zeros((height, width), np.uint8)
    members = []
    for _ in range(number):
        angle, radius = rng.uniform(0, 2 * np.pi), rng.uniform() ** 0.6
        spot = centre + spread * radius * np.array([np.cos(angle), np.sin(angle)])
        sprite = make_sprite(name, rng, split, size * rng.uniform(0.85, 1.15), spot)
        window = sprite.window(height, width)
        if window is not None:
            members.append(sprite)
            region[window[0]] |= sprite.mask[window[1]].astype(np.uint8)
    gap = 2 * max(1, round(size / 3)) + 1
    return members, cv2.morphologyEx(region, cv2.MORPH_CLOSE, np.ones((gap, gap), np.uint8)).astype(bool)
