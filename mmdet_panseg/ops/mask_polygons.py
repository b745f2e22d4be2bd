"""Polygons of masks: outlines along the edges of pixels, holes included, so that filling them gives the mask back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

# A simpler outline may change the area by so much.
_MAX_AREA_CHANGE = 0.05


class MaskPart(NamedTuple):
    """A connected part of a mask.

    Attributes:
        outline: Corners ``(x, y)`` in pixels, float64, shape ``(P, 2)``; the last one is not the first again.
        holes: Outlines of its holes, which turn the other way round.
    """

    outline: npt.NDArray[np.float64]
    holes: list[npt.NDArray[np.float64]]


def mask_parts(mask: npt.NDArray[np.bool_], tolerance: float = 0.0) -> list[MaskPart]:
    """Trace the 8-connected parts of a mask along the edges of its pixels.

    A pixel in row ``i`` and column ``j`` is the square from ``(j, i)`` to ``(j + 1, i + 1)``, as in COCO. Without
    tolerance the outlines, filled by the even-odd rule, are exactly the mask.

    Args:
        mask: Boolean mask, shape ``(H, W)``.
        tolerance: How far in pixels a simpler outline may lie from the exact one; small parts and holes, of which it
            would change more than a twentieth of the area, stay exact.

    Returns:
        The parts; none of an empty mask.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return []
    top, left = int(rows[0]), int(columns[0])
    crop = mask[top : rows[-1] + 1, left : columns[-1] + 1].astype(np.uint8)
    # OpenCV follows centres of pixels. On the mask of twice the size these are half a pixel inside its edges.
    doubled = crop.repeat(2, axis=0).repeat(2, axis=1)
    contours, hierarchy = cv2.findContours(doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    rings = [_corners((contour[:, 0].astype(np.int64) + 1) // 2, (left, top), tolerance) for contour in contours]
    parts = {place: MaskPart(ring, []) for place, ring in enumerate(rings) if hierarchy[0, place, 3] < 0}
    for place, ring in enumerate(rings):
        if place not in parts:
            parts[int(hierarchy[0, place, 3])].holes.append(ring)
    return list(parts.values())


def join_rings(rings: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """Join rings into one by cuts of no width, for formats whose objects have one ring.

    Filled by the even-odd rule, the cuts, which go there and back, change nothing: a hole of an outline stays a hole,
    and a second outline a part.

    Args:
        rings: At least one ring of corners ``(x, y)``, each shape ``(P, 2)``.

    Returns:
        One ring, shape ``(sum of P + 2 for each further ring, 2)``.
    """
    joined = rings[0]
    for ring in sorted(rings[1:], key=lambda ring: float(ring[:, 0].min())):
        start = int(ring[:, 0].argmin())
        turned = np.roll(ring, -start, axis=0)
        place = int(((joined - turned[0]) ** 2).sum(axis=1).argmin())
        joined = np.concatenate([joined[: place + 1], turned, turned[:1], joined[place:]])
    return joined


def ring_area(ring: npt.NDArray[np.float64]) -> float:
    """Area inside a ring in pixels; negative where the corners turn the other way round."""
    x, y = ring.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def _corners(ring: npt.NDArray[np.integer], origin: tuple[int, int], tolerance: float) -> npt.NDArray[np.float64]:
    """Keep the corners of a ring that goes from pixel corner to pixel corner, and simplify it."""
    ring = ring[(ring != np.roll(ring, 1, axis=0)).any(axis=1)]
    step = np.roll(ring, -1, axis=0) - ring
    exact = ring[(step != np.roll(step, 1, axis=0)).any(axis=1)]
    if tolerance > 0:
        simple = cv2.approxPolyDP(exact[:, None].astype(np.int32), tolerance, closed=True)[:, 0]
        before = ring_area(exact.astype(np.float64))
        after = ring_area(simple.astype(np.float64))
        if len(simple) > 2 and abs(after - before) <= _MAX_AREA_CHANGE * abs(before):
            exact = simple
    return exact.astype(np.float64) + origin
