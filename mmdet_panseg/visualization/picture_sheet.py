"""A sheet of pictures: rows of images under column headings, with captions and a legend of classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from .fonts import load_font
from .labels import shorten
from .legend import INK, LEGEND_LINE, PAPER, LegendEntry, paint_legend, wrap_legend

_MARGIN = 12
_GAP = 8
_HEADING_HEIGHT = 34
_CAPTION_HEIGHT = 22
_GROUP_GAP = 16
_RULE = (190, 190, 195)


@dataclass(frozen=True)
class SheetRow:
    """One row of a sheet.

    Attributes:
        caption: Text above the row, such as the file name.
        images: RGB images of shape (H, W, 3), uint8, one per column, or None for an empty place; sizes may differ.
        continues: Whether it belongs to the row above, and lies closer to it.
    """

    caption: str
    images: Sequence[np.ndarray | None]
    continues: bool = False


def compose_sheet(rows: Sequence[SheetRow], titles: Sequence[str], legend: Sequence[LegendEntry] = ()) -> np.ndarray:
    """Put images side by side, one row per example and one column per title.

    A column is as wide as its widest image, a row as high as its highest one; smaller images are centred.

    Args:
        rows: The rows from top to bottom, at least one.
        titles: Heading of each column.
        legend: Names and colours to list at the bottom.

    Returns:
        RGB image of shape (H, W, 3), uint8.

    Raises:
        ValueError: If there is no row, or a row has not one image per title.
    """
    if not rows:
        raise ValueError('a picture sheet needs at least one row.')
    for row in rows:
        if len(row.images) != len(titles):
            raise ValueError(f'row "{row.caption}" has {len(row.images)} images for {len(titles)} titles.')
    widths = [max(_size(row.images[column])[1] for row in rows) for column in range(len(titles))]
    heights = [max(_size(image)[0] for image in row.images) for row in rows]
    sheet_width = 2 * _MARGIN + sum(widths) + _GAP * (len(widths) - 1)
    legend_lines = wrap_legend(legend, sheet_width - 2 * _MARGIN)
    body_height = sum(_CAPTION_HEIGHT + height + _GAP for height in heights)
    grouped = any(row.continues for row in rows)
    body_height += sum(_GROUP_GAP for row in rows[1:] if grouped and not row.continues)
    sheet_height = _MARGIN + _HEADING_HEIGHT + body_height + LEGEND_LINE * len(legend_lines) + _MARGIN

    sheet = Image.new('RGB', (sheet_width, sheet_height), PAPER)
    lefts = [_MARGIN + sum(widths[:column]) + _GAP * column for column in range(len(widths))]
    _draw_titles(sheet, titles, lefts, widths)
    top = _MARGIN + _HEADING_HEIGHT
    for row, height in zip(rows, heights, strict=True):
        if grouped and row is not rows[0] and not row.continues:
            _draw_rule(sheet, top)
            top += _GROUP_GAP
        _draw_row(sheet, row, lefts, widths, top, height)
        top += _CAPTION_HEIGHT + height + _GAP
    paint_legend(sheet, legend_lines, _MARGIN, top)
    return np.array(sheet)


def _size(image: np.ndarray | None) -> tuple[int, int]:
    return (1, 1) if image is None else image.shape[:2]


def _draw_rule(sheet: Image.Image, top: int) -> None:
    middle = top + (_GROUP_GAP - _GAP) // 2
    ImageDraw.Draw(sheet).line((_MARGIN, middle, sheet.width - _MARGIN, middle), fill=_RULE, width=2)


def _draw_titles(sheet: Image.Image, titles: Sequence[str], lefts: list[int], widths: list[int]) -> None:
    draw, font = ImageDraw.Draw(sheet), load_font(''.join(titles), 18, bold=True)
    for title, left, width in zip(titles, lefts, widths, strict=True):
        middle = (left + width / 2, _MARGIN + _HEADING_HEIGHT / 2)
        draw.text(middle, shorten(title, font, width), font=font, fill=INK, anchor='mm')


def _draw_row(sheet: Image.Image, row: SheetRow, lefts: list[int], widths: list[int], top: int, height: int) -> None:
    font = load_font(row.caption, 13)
    caption = shorten(row.caption, font, sheet.width - 2 * _MARGIN)
    position = (lefts[0], top + _CAPTION_HEIGHT / 2)
    ImageDraw.Draw(sheet).text(position, caption, font=font, fill=INK, anchor='lm')
    for image, left, width in zip(row.images, lefts, widths, strict=True):
        if image is None:
            continue
        x = left + (width - image.shape[1]) // 2
        y = top + _CAPTION_HEIGHT + (height - image.shape[0]) // 2
        sheet.paste(Image.fromarray(image), (x, y))
