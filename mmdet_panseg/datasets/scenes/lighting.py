"""Light, lens and sensor: gain, colour cast, gradient, vignette, blur and noise."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator


def light_scene(canvas: np.ndarray, rng: Generator) -> np.ndarray:
    """Turn a painted scene into a photograph of it.

    Args:
        canvas: (height, width, 3) float32 RGB in [0, 255].
        rng: Source of the conditions and of the noise.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    height, width = canvas.shape[:2]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    angle, slope, vignette = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.25), rng.uniform(0, 0.2)
    light = 1 + slope * (np.cos(angle) * x + np.sin(angle) * y) - vignette * (x**2 + y**2) / 2
    cast = rng.normal(1, 0.04, 3) * rng.uniform(0.72, 1.18)
    photo = canvas * light[..., None].astype(np.float32) * cast.astype(np.float32)
    blurred, sigma = rng.random() < 0.5, rng.uniform(0.4, 0.9)
    if blurred:
        photo = cv2.GaussianBlur(photo, (5, 5), sigma)
    photo += np.float32(rng.uniform(1.5, 7)) * rng.standard_normal(photo.shape, dtype=np.float32)
    return np.clip(photo + 0.5, 0, 255).astype(np.uint8)
