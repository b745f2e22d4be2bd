"""Colours for drawing: one hue per class, and variations of it for the instances of a class."""

from __future__ import annotations

import colorsys
from collections import Counter
from collections.abc import Sequence

import numpy as np

_GOLDEN_RATIO = 0.618034
# Below this a fill does not stand out from a photograph.
_MIN_SATURATION, _MIN_VALUE = 0.55, 0.8
# Of the whole circle; less could not be told apart.
_MIN_HUE_SPAN = 1 / 15


def class_palette(num_classes: int) -> list[tuple[int, int, int]]:
    """Make colours as far apart in hue as ``num_classes`` allows.

    Args:
        num_classes: How many colours to make.

    Returns:
        RGB triples of 0..255.
    """
    return [_to_rgb(index / num_classes, 0.75, 1.0) for index in range(num_classes)]


def instance_colors(
    labels: Sequence[int], palette: Sequence[Sequence[int]], numbers: Sequence[int] | None = None
) -> np.ndarray:
    """Make colours that tell the instances of a class apart and still look like the class.

    The first instance of a class has the hue of the class; further ones move away from it inside the hues
    that are the class's share of the circle, and become darker. Dull and dark colours are made brighter.

    Args:
        labels: Class index per instance, N of them.
        palette: RGB triples of 0..255, one per class.
        numbers: Which of its class each one is, from 0, N of them; by default they are counted.

    Returns:
        RGB colours of shape (N, 3), uint8.
    """
    hue_span = 1.0 if len(palette) == 1 else max(0.8 / max(1, len(palette)), _MIN_HUE_SPAN)
    seen = Counter()
    colors = np.zeros((len(labels), 3), dtype=np.uint8)
    for index, label in enumerate(int(label) for label in labels):
        hue, saturation, value = colorsys.rgb_to_hsv(*(channel / 255 for channel in palette[label]))
        number = seen[label] if numbers is None else int(numbers[index])
        # Multiples of the golden ratio never repeat and keep their distance from each other.
        step = number * _GOLDEN_RATIO % 1
        offset = hue_span * (step if step < 0.5 else step - 1)
        darkening = 0.2 * (number % 3) / 2
        colors[index] = _to_rgb(
            (hue + offset) % 1, max(saturation, _MIN_SATURATION), max(value, _MIN_VALUE) - darkening
        )
        seen[label] += 1
    return colors


def map_colors(
    labels: Sequence[int],
    is_thing: Sequence[bool],
    palette: Sequence[Sequence[int]],
    numbers: Sequence[int] | None = None,
) -> np.ndarray:
    """Give the colours of a map's segments: things as :func:`instance_colors` has them, stuff exactly as the palette.

    Args:
        labels: Class index per segment, N of them.
        is_thing: Whether each is a thing, N of them.
        palette: RGB triples of 0..255, one per class.
        numbers: As :func:`instance_colors` has them, N of them.

    Returns:
        RGB colours of shape (N, 3), uint8.
    """
    labels, is_thing = np.asarray(labels, dtype=int), np.asarray(is_thing, dtype=bool)
    colors = np.asarray(palette, dtype=np.uint8)[labels].reshape(-1, 3)
    numbers = None if numbers is None else np.asarray(numbers)[is_thing]
    colors[is_thing] = instance_colors(labels[is_thing], palette, numbers)
    return colors


def readable_text_color(background: Sequence[int]) -> tuple[int, int, int]:
    """Choose black or white, whichever stands out more from an RGB ``background``."""
    red, green, blue = (int(channel) for channel in background)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return (0, 0, 0) if luma > 140 else (255, 255, 255)


def _to_rgb(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    return tuple(round(255 * channel) for channel in colorsys.hsv_to_rgb(hue, saturation, value))
