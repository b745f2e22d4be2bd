"""Legends: names and colours of classes, in lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from .fonts import load_font

LEGEND_LINE = 24
INK = (25, 25, 25)
PAPER = (238, 238, 240)
_SWATCH = 14
_BORDER = 8

LegendEntry = tuple[str, Sequence[int] | np.ndarray | None]
"""A name and its RGB colour, or an RGB picture of shape (14, 14, 3), or None for a heading that starts a line."""


def legend_strip(entries: Sequence[LegendEntry], width: int) -> np.ndarray:
    """Draw a legend by itself.

    Args:
        entries: Names and colours.
        width: Width of the picture in pixels.

    Returns:
        RGB picture, uint8, shape (H, width, 3); H is 0 without entries.
    """
    lines = wrap_legend(entries, width - 2 * _BORDER)
    height = LEGEND_LINE * len(lines) + (_BORDER if lines else 0)
    if not height:
        return np.zeros((0, width, 3), np.uint8)
    strip = Image.new('RGB', (width, height), PAPER)
    paint_legend(strip, lines, _BORDER, _BORDER // 2)
    return np.array(strip)


def _entry_width(entry: LegendEntry) -> int:
    name, color = entry
    if color is None:
        return int(load_font(name, 14, bold=True).getlength(name)) + 18
    return _SWATCH + 6 + int(load_font(name, 14).getlength(name)) + 18


def wrap_legend(legend: Sequence[LegendEntry], max_width: int) -> list[list[LegendEntry]]:
    """Split the legend into lines that are not wider than ``max_width`` pixels."""
    lines: list[list[LegendEntry]] = []
    used = max_width
    for entry in legend:
        width = _entry_width(entry)
        if used + width > max_width or entry[1] is None:
            lines.append([])
            used = 0
        lines[-1].append(entry)
        used += width
    return lines


def paint_legend(sheet: Image.Image, lines: list[list[LegendEntry]], left: int, top: int) -> None:
    """Write lines of a legend on a picture, from a corner on."""
    draw = ImageDraw.Draw(sheet)
    for line in lines:
        x, middle = left, top + LEGEND_LINE // 2
        for name, color in line:
            indent = 0
            if color is not None:
                swatch = np.broadcast_to(np.asarray(color, dtype=np.uint8), (_SWATCH, _SWATCH, 3))
                sheet.paste(Image.fromarray(np.ascontiguousarray(swatch)), (x, middle - _SWATCH // 2))
                indent = _SWATCH + 6
            draw.text((x + indent, middle), name, font=load_font(name, 14, bold=color is None), fill=INK, anchor='lm')
            x += _entry_width((name, color))
        top += LEGEND_LINE
