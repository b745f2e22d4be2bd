"""Grey texture tiles that repeat seamlessly, and their colouring by look-up tables.

Every tile is uint8 (256, 256), made once per process from a fixed seed. Drawing a texture means sampling its tile
through an affine map and looking up a colour for each grey value.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np

TILE = 256


def _noise(seed: int, power: float, stretch: tuple[float, float] = (1.0, 1.0)) -> np.ndarray:
    """Periodic noise in [0, 1] whose spectrum falls as frequency ** -power; stretch lengthens its features in x, y."""
    white = np.random.default_rng([20, seed]).standard_normal((TILE, TILE))
    fx = np.fft.fftfreq(TILE)[None, :] * stretch[0]
    fy = np.fft.fftfreq(TILE)[:, None] * stretch[1]
    frequency = np.hypot(fx, fy)
    frequency[0, 0] = np.inf
    field = np.fft.ifft2(np.fft.fft2(white) * frequency**-power).real
    low, high = np.percentile(field, [2, 98])
    return np.clip((field - low) / (high - low), 0, 1)


def _bricks() -> np.ndarray:
    height, width, joint = 16, 32, 2
    rng = np.random.default_rng([20, 100])
    tone = rng.uniform(0.45, 1.0, (TILE // height, TILE // width))
    y, x = np.mgrid[:TILE, :TILE]
    row = y // height
    x = (x + row % 2 * (width // 2)) % TILE
    wall = tone[row, x // width] - 0.15 * _noise(101, 0.6)
    return np.where((y % height < joint) | (x % width < joint), 0.0, np.maximum(wall, 0.3))


def _stripes(period: int) -> np.ndarray:
    wave = np.sin(2 * np.pi * np.arange(TILE) / period)
    return np.tile(np.clip(0.5 + 2.5 * wave, 0, 1), (TILE, 1))


def _dots(period: int) -> np.ndarray:
    y, x = np.mgrid[:TILE, :TILE]
    distance = np.hypot(x % period - period / 2 + 0.5, y % period - period / 2 + 0.5)
    return np.clip(0.3 * period + 0.5 - distance, 0, 1)


def _checks(period: int) -> np.ndarray:
    y, x = np.mgrid[:TILE, :TILE] * 2 // period % 2
    return (x ^ y).astype(np.float64)


def _planks() -> np.ndarray:
    y = np.mgrid[:TILE, :TILE][0]
    return np.where(y % 64 < 6, 1.0, 0.55 * _noise(110, 1.2, (8.0, 1.0)))


_MAKERS = dict(
    clouds=lambda: np.clip(1.6 * _noise(1, 1.7, (2.2, 1.0)) - 0.55, 0, 1),
    ripples=lambda: 0.7 * _noise(2, 1.3, (7.0, 1.0)) + 0.3 * _noise(3, 1.7, (2.0, 1.0)),
    blades=lambda: 0.6 * _noise(4, 0.7, (1.0, 2.6)) + 0.4 * _noise(5, 1.6),
    asphalt=lambda: 0.55 * _noise(6, 0.2) + 0.45 * _noise(7, 1.6),
    bricks=_bricks,
    plain=lambda: 0.4 * _noise(8, 1.6),
    stripes=lambda: _stripes(64),
    dots=lambda: _dots(64),
    checks=lambda: _checks(128),
    speckle=lambda: np.clip(4 * _noise(9, 1.1) - 2, 0, 1),
    planks=_planks,
)


@cache
def texture_tile(name: str) -> np.ndarray:
    """Grey tile (256, 256) uint8 of a texture; it repeats without a seam."""
    return np.round(255 * _MAKERS[name]()).astype(np.uint8)


def sample_tile(name: str, shape: tuple[int, int], to_tile: np.ndarray) -> np.ndarray:
    """Sample a repeated tile.

    Args:
        name: Name of the texture.
        shape: Height and width of the result.
        to_tile: (2, 3) affine map from the result's x, y to the tile's x, y.

    Returns:
        (height, width) uint8.
    """
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(texture_tile(name), to_tile, shape[::-1], flags=flags, borderMode=cv2.BORDER_WRAP)


def colour_ramp(stops: Sequence[float], colours: Sequence[Sequence[float]]) -> np.ndarray:
    """Look-up table (256, 3) uint8 that runs through RGB colours at stops in [0, 1]."""
    grey = np.linspace(0, 1, 256)
    channels = [np.interp(grey, stops, channel) for channel in np.asarray(colours, float).T]
    return np.clip(np.round(np.stack(channels, axis=1)), 0, 255).astype(np.uint8)
