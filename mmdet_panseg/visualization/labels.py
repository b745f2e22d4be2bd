"""Drawing readable text on an image: labels on a coloured background that stay inside the image."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .colors import readable_text_color
from .fonts import load_font

_PADDING = 3
# What it costs to cover a pixel of another label.
_COST_OF_LABEL = 4
# Share of a label that may lie under earlier ones.
_MAX_COVERED = 0.3

Box = tuple[int, int, int, int]


def shorten(text: str, font: ImageFont.FreeTypeFont, max_width: int) -> str:
    """Cut the end of ``text``, marked with an ellipsis, until it is at most ``max_width`` pixels wide."""
    if font.getlength(text) <= max_width:
        return text
    for end in range(len(text) - 1, 0, -1):
        if font.getlength(text[:end] + '…') <= max_width:
            return text[:end] + '…'
    return ''


def label_size(text: str, font_size: int = 14) -> tuple[int, int]:
    """Measure width and height in pixels of the label that :func:`draw_labels` makes of a text."""
    font = load_font(text, font_size)
    return int(np.ceil(font.getlength(text))) + 2 * _PADDING, sum(font.getmetrics()) + 2


def place_label(size: tuple[int, int], box: Box, cost: np.ndarray) -> Box:
    """Choose where the label of an object goes: above, below, beside or inside it, whichever covers least.

    Args:
        size: Width and height of the label, no larger than the image.
        box: Box (x0, y0, x1, y1) of the object, in pixels.
        cost: What it costs to cover a pixel, of shape (H, W).

    Returns:
        The box of the label, inside the image.
    """
    (width, height), (x0, y0, x1, y1) = size, box
    center_x, center_y = (x0 + x1 - width) // 2, (y0 + y1 - height) // 2
    around = ((x0, y0 - height), (x0, y1), (x1 - width, y0 - height), (x1 - width, y1))
    beside = ((x1, center_y), (x0 - width, center_y))
    inside = ((x0, y0), (center_x, center_y), (x0, y1 - height))

    def fit(corner: tuple[int, int]) -> Box:
        x = min(max(corner[0], 0), cost.shape[1] - width)
        y = min(max(corner[1], 0), cost.shape[0] - height)
        return x, y, x + width, y + height

    # A label on its own object is less in the way, and less ambiguous, than one on a neighbour.
    candidates = [(fit(corner), 1.0) for corner in around + beside] + [(fit(corner), 0.5) for corner in inside]
    return min(candidates, key=lambda item: item[1] * cost[item[0][1] : item[0][3], item[0][0] : item[0][2]].sum())[0]


def label_box(mask: np.ndarray, label_size: tuple[int, int]) -> Box:
    """Find the place in a region that has most room for a label.

    Args:
        mask: Boolean mask of shape (H, W), not empty.
        label_size: Width and height of the label in pixels.

    Returns:
        Box (x0, y0, x1, y1) of the label; it may reach beyond a small region.
    """
    width, height = label_size
    # With the picture squeezed until the label is a square, the pixel farthest from the edge is the best centre.
    columns = max(1, round(mask.shape[1] * height / width))
    squeezed = cv2.resize(mask.astype(np.uint8), (columns, mask.shape[0]), interpolation=cv2.INTER_NEAREST)
    if not squeezed.any():
        squeezed, columns = mask.astype(np.uint8), mask.shape[1]
    # The border of the picture is an edge as well.
    distance = cv2.distanceTransform(np.pad(squeezed, 1), cv2.DIST_C, 3)[1:-1, 1:-1]
    y, column = np.unravel_index(int(distance.argmax()), distance.shape)
    left = round((int(column) + 0.5) * mask.shape[1] / columns - width / 2)
    top = int(y) - height // 2
    return left, top, left + width, top + height


def draw_labels(
    image: np.ndarray,
    texts: Sequence[str],
    boxes: Sequence[Box],
    colors: np.ndarray,
    cost: np.ndarray | None = None,
    font_size: int = 14,
) -> np.ndarray:
    """Write one label per object; the first ones get the best places.

    Args:
        image: RGB image of shape (H, W, 3), uint8.
        texts: N labels.
        boxes: N boxes (x0, y0, x1, y1) of the objects in pixels.
        colors: RGB backgrounds of shape (N, 3).
        cost: What it costs to cover a pixel of the image, of shape (H, W), about 0 to 1.
        font_size: Height of the font in pixels.

    Returns:
        A new image. Left out are labels that do not fit into it, or would mostly lie on others.
    """
    height, width = image.shape[:2]
    cost = np.zeros((height, width)) if cost is None else cost.astype(np.float64)
    taken = np.zeros((height, width), dtype=bool)
    placed = []
    for text, box, color in zip(texts, boxes, colors, strict=True):
        font = load_font(text, font_size)
        text = shorten(text, font, width - 2 * _PADDING)
        size = label_size(text, font_size)
        if not text or size[1] > height:
            continue
        x0, y0, x1, y1 = place_label(size, box, cost)
        if taken[y0:y1, x0:x1].mean() > _MAX_COVERED:
            continue
        cost[y0:y1, x0:x1] += _COST_OF_LABEL
        taken[y0:y1, x0:x1] = True
        placed.append(((x0, y0, x1, y1), text, font, tuple(int(channel) for channel in color)))
    canvas = Image.fromarray(image)
    draw = ImageDraw.Draw(canvas)
    for (x0, y0, x1, y1), text, font, color in reversed(placed):
        draw.rectangle((x0, y0, x1 - 1, y1 - 1), fill=color)
        draw.text((x0 + _PADDING, y0 + 1), text, font=font, fill=readable_text_color(color))
    return np.array(canvas)
