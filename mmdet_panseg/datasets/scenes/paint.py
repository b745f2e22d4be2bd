"""Painting of a sprite: colour, pattern, shading, outline and shadow."""

from __future__ import annotations

import colorsys

import cv2
import numpy as np
from numpy.random import Generator

from .sprites import Sprite
from .textures import colour_ramp, sample_tile

# Usual hue (degrees) and pattern of each class; both are tendencies, not rules.
_LOOKS = dict(
    disc=(0, 'plain'),
    box=(28, 'planks'),
    triangle=(285, 'stripes'),
    star=(52, 'plain'),
    ring=(215, 'stripes'),
    crescent=(48, 'speckle'),
    ell=(170, 'checks'),
    digit=(330, 'plain'),
)
_PATTERNS = ('plain', 'planks', 'stripes', 'speckle', 'checks', 'dots')
_STRANGE = 0.2  # chance of a hue, and of a pattern, that is not the class's own
_MIN_CONTRAST = 70.0


def _rgb(hue: float, saturation: float, value: float) -> np.ndarray:
    return 255 * np.array(colorsys.hsv_to_rgb(hue % 360 / 360, min(max(saturation, 0), 1), min(max(value, 0), 1)))


def choose_colours(name: str, rng: Generator, behind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Choose a main and a second colour that stand out from what is behind.

    Args:
        name: Thing class.
        rng: Source of the jitter.
        behind: RGB mean of the pixels behind the thing.

    Returns:
        Two RGB colours in [0, 255].
    """
    usual = _LOOKS[name][0]
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    for _ in range(4):
        hue = rng.uniform(0, 360) if rng.random() < _STRANGE else rng.normal(usual, 22)
        pale = rng.random() < (0.4 if name == 'digit' else 0.08)
        saturation = rng.uniform(0.0, 0.15) if pale else rng.uniform(0.5, 0.95)
        value = rng.uniform(0.85, 1.0) if pale else rng.uniform(0.5, 1.0)
        darker = value > 0.6 and rng.random() < 0.7
        second = _rgb(hue + rng.normal(0, 20), saturation * 0.8, value - 0.35 if darker else value + 0.3)
        main = _rgb(hue, saturation, value)
        contrast = float(np.linalg.norm(main - behind))
        if best is None or contrast > best[0]:
            best = contrast, main, second
        if contrast > _MIN_CONTRAST:
            break
    return best[1], best[2]


def _shading(shape: tuple[int, int], rng: Generator, ball: bool) -> np.ndarray:
    """Factor (h, w, 1) around one: lit from the upper left, rounded like a ball if asked."""
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    strength = rng.uniform(0.08, 0.22)
    shade = 1 - strength * (x + y) / 2
    if ball:
        shade = shade + 0.35 - 0.45 * ((x + 0.3) ** 2 + (y + 0.35) ** 2)
    return shade[..., None]


def _edge(cover: np.ndarray, thickness: int) -> np.ndarray:
    """Share (h, w) in [0, 1] of each pixel that belongs to the rim of the thing."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * thickness + 1,) * 2)
    return (cover - cv2.erode(cover, kernel)).astype(np.float32) / 255


def _surface(sprite: Sprite, rng: Generator, behind: np.ndarray) -> np.ndarray:
    """Coloured patch (h, w, 3) float32 of the thing, without its edges cut."""
    main, second = choose_colours(sprite.name, rng, behind)
    pattern = _PATTERNS[rng.integers(len(_PATTERNS))] if rng.random() < _STRANGE else _LOOKS[sprite.name][1]
    angle, step = rng.uniform(0, 2 * np.pi), 256 / max(sprite.size, 12) * rng.uniform(0.7, 1.2)
    cos, sin = step * np.cos(angle), step * np.sin(angle)
    to_tile = np.array([[cos, -sin, rng.uniform(0, 256)], [sin, cos, rng.uniform(0, 256)]])
    grey = sample_tile(pattern, sprite.cover.shape, to_tile)
    surface = colour_ramp((0.0, 1.0), (main, second))[grey].astype(np.float32)
    surface *= _shading(sprite.cover.shape, rng, ball=sprite.name == 'disc' and rng.random() < 0.7)
    outlined, rim_gain = rng.random() < 0.65, rng.choice([0.35, 0.45, 1.6])
    if outlined and sprite.size >= 14:
        rim = _edge(sprite.cover, max(1, round(sprite.size / 40)))[..., None]
        surface += rim * (np.clip(main * rim_gain, 0, 255) - surface)
    return surface


def _cast_shadow(canvas: np.ndarray, sprite: Sprite, strength: float) -> None:
    reach = max(1, round(sprite.size / 16))
    soft = cv2.copyMakeBorder(sprite.cover, reach, reach, reach, reach, cv2.BORDER_CONSTANT)
    soft = cv2.blur(soft, (2 * reach + 1,) * 2)
    shadow = Sprite(sprite.name, sprite.left - reach + reach // 2, sprite.top, soft, sprite.size)
    window = shadow.window(*canvas.shape[:2])
    if window is not None:
        canvas[window[0]] *= 1 - strength / 255 * soft[window[1]].astype(np.float32)[..., None]


def paint_sprite(canvas: np.ndarray, sprite: Sprite, rng: Generator) -> None:
    """Lay a thing over the picture, in place.

    Args:
        canvas: (height, width, 3) float32 RGB in [0, 255].
        sprite: The thing; the part outside the image is left out.
        rng: Source of its look.
    """
    window = sprite.window(*canvas.shape[:2])
    if window is None:
        return
    behind = canvas[window[0]].mean(axis=(0, 1))
    surface = _surface(sprite, rng, behind)[window[1]]
    _cast_shadow(canvas, sprite, rng.uniform(0.1, 0.4))
    cover = sprite.cover[window[1]].astype(np.float32)[..., None] / 255
    canvas[window[0]] += cover * (surface - canvas[window[0]])
