"""Painting of the stuff: a coloured texture for each class of a layout."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from .classes import STUFF_CLASSES
from .textures import colour_ramp, sample_tile

# Per class: tile, range of the zoom, and palettes; a palette lists the RGB colours for rising grey.
_LOOKS: dict[str, tuple[str, tuple[float, float], list[list[tuple[int, int, int]]]]] = dict(
    sky=(
        'clouds',
        (0.7, 1.6),
        [
            [(96, 160, 226), (140, 190, 236), (246, 248, 250)],
            [(120, 185, 235), (180, 215, 240), (250, 250, 250)],
            [(205, 120, 150), (232, 160, 165), (255, 222, 205)],
            [(150, 160, 175), (180, 188, 198), (215, 218, 222)],
        ],
    ),
    water=(
        'ripples',
        (0.7, 1.5),
        [
            [(18, 62, 110), (40, 105, 160), (150, 200, 225)],
            [(16, 80, 95), (40, 125, 135), (160, 215, 210)],
            [(40, 70, 90), (75, 115, 135), (170, 195, 205)],
        ],
    ),
    grass=(
        'blades',
        (0.6, 1.4),
        [
            [(30, 75, 20), (75, 135, 40), (140, 185, 75)],
            [(60, 90, 25), (115, 145, 50), (180, 190, 90)],
            [(20, 65, 35), (50, 115, 60), (105, 165, 95)],
        ],
    ),
    road=(
        'asphalt',
        (0.6, 1.2),
        [
            [(62, 62, 68), (98, 98, 102), (140, 140, 142)],
            [(100, 98, 96), (140, 137, 134), (180, 178, 172)],
            [(120, 95, 65), (165, 140, 105), (200, 178, 142)],
        ],
    ),
    brick=(
        'bricks',
        (0.9, 2.2),
        [
            [(205, 195, 180), (130, 55, 40), (185, 95, 70)],
            [(150, 140, 130), (105, 50, 40), (150, 80, 60)],
            [(215, 205, 185), (140, 98, 52), (188, 142, 84)],
        ],
    ),
)
_BRICK_STOPS = (0.0, 0.2, 1.0)
_STOPS = (0.0, 0.5, 1.0)
_USUAL_SIDE = 286.0  # square root of 320 x 256, the size the zooms are meant for


def _surface(name: str, rng: Generator, shape: tuple[int, int]) -> np.ndarray:
    """Texture (height, width, 3) uint8 of one stuff class over the whole image."""
    tile, zooms, palettes = _LOOKS[name]
    turn = rng.uniform(-0.08, 0.08)
    # Textures grow with the picture, so that bricks are bricks at every size.
    step = _USUAL_SIDE / np.sqrt(shape[0] * shape[1]) / np.exp(rng.uniform(*np.log(zooms)))
    shift = rng.uniform(0, 256, 2)
    to_tile = np.array(
        [
            [step * np.cos(turn), -step * np.sin(turn), shift[0]],
            [step * np.sin(turn), step * np.cos(turn), shift[1]],
        ]
    )
    # The first palette is the class's usual look.
    chance = np.array([0.5] + [0.5 / (len(palettes) - 1)] * (len(palettes) - 1))
    palette = np.array(palettes[rng.choice(len(palettes), p=chance)], float)
    palette = palette * rng.uniform(0.88, 1.1) + rng.normal(0, 6, 3)
    ramp = colour_ramp(_BRICK_STOPS if name == 'brick' else _STOPS, palette)
    return ramp[sample_tile(tile, shape, to_tile)]


def _brighten_horizon(surface: np.ndarray) -> None:
    """Let a sky fade towards its lower end, in place."""
    fade = np.linspace(0, 0.45, len(surface), dtype=np.float32)[:, None, None]
    surface[:] = surface + (245 - surface.astype(np.float32)) * fade


def paint_backdrop(labels: np.ndarray, rng: Generator) -> np.ndarray:
    """Paint a layout.

    Args:
        labels: (height, width) indices into ``STUFF_CLASSES``.
        rng: Source of colours and of the place of each texture.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    canvas = np.zeros((*labels.shape, 3), np.uint8)
    for label in np.unique(labels):
        name = STUFF_CLASSES[label]
        surface = _surface(name, rng, labels.shape)
        if name == 'sky':
            _brighten_horizon(surface)
        cv2.copyTo(surface, (labels == label).astype(np.uint8), canvas)
    # A soft seam takes the saw teeth from the borders between the textures.
    inner = cv2.erode(labels, np.ones((3, 3), np.uint8)) == cv2.dilate(labels, np.ones((3, 3), np.uint8))
    return np.where(inner[..., None], canvas, cv2.GaussianBlur(canvas, (3, 3), 0))
