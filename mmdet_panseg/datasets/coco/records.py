"""Parts of COCO records that are made from the segments of an image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
from pycocotools import mask as mask_utils


def distinct_colours(class_colours: Iterable[tuple[int, int, int]]) -> np.ndarray:
    """Different colours of the segments of an image, close to the colours of their classes.

    Args:
        class_colours: RGB colour of the class of each segment, N of them.

    Returns:
        (N + 1, 3) uint8 RGB; row 0 is black, for void.
    """
    used, next_variant = {(0, 0, 0)}, Counter()
    colours = [(0, 0, 0)]
    for base in class_colours:
        colour = (0, 0, 0)
        while colour in used:
            # The steps come back after 256 variants; then red moves on by one.
            variant = next_variant[base]
            steps = (5 * variant + variant // 256, 11 * variant, 17 * variant)
            colour = tuple((c + step) % 256 for c, step in zip(base, steps, strict=True))
            next_variant[base] += 1
        used.add(colour)
        colours.append(colour)
    return np.array(colours, np.uint8)


def tight_box(mask: np.ndarray) -> list[int]:
    """Tight x, y, width, height in pixels of a boolean mask (H, W) that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    return [x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1]


def encode_mask(mask: np.ndarray) -> dict:
    """Compressed RLE of a boolean mask (H, W) as JSON takes it: ``size`` and ``counts`` as text."""
    rle = mask_utils.encode(np.asfortranarray(mask, np.uint8))
    return dict(size=rle['size'], counts=rle['counts'].decode('ascii'))
