"""Fonts that have the characters of a text."""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path

import matplotlib
from fontTools.ttLib import TTFont
from matplotlib.font_manager import findSystemFonts
from mmengine.logging import print_log
from PIL import ImageFont


def load_font(text: str, size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Load DejaVu Sans, which matplotlib brings, or a font of the system where that lacks characters of a text.

    Characters that no font has are boxes; a warning names them, once.

    Args:
        text: What will be drawn.
        size: Height in pixels.
        bold: Whether to take the bold face of DejaVu Sans.

    Returns:
        The font.
    """
    name = 'DejaVuSans-Bold.ttf' if bold else 'DejaVuSans.ttf'
    path = str(Path(matplotlib.get_data_path(), 'fonts', 'ttf', name))
    lacking = ''.join(sorted(set(text) - _characters(path)))
    return _open((_system_font(lacking) or path) if lacking else path, size)


@lru_cache
def _open(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


@lru_cache
def _characters(path: str) -> frozenset[str]:
    """All characters that a font file, or the first font of a collection, has."""
    with TTFont(path, fontNumber=0, lazy=True) as font:
        return frozenset(map(chr, font.getBestCmap() or ()))


@lru_cache
def _system_font(characters: str) -> str | None:
    """Path of an installed font that has some characters: upright, and without serifs if there is one."""
    for path in sorted(findSystemFonts(), key=_preference):
        try:
            if set(characters) <= _characters(path):
                return path
        except Exception:  # noqa: S112, damaged files of the system are not ours to mend
            continue
    print_log(
        f'No installed font has the characters {characters}: in pictures they are boxes. Install one that has them '
        '(for Chinese, Japanese and Korean, Debian and Ubuntu have fonts-noto-cjk).',
        logger='current',
        level=logging.WARNING,
    )
    return None


def _preference(path: str) -> tuple[bool, bool, str]:
    name = Path(path).stem.lower()
    return 'sans' not in name, any(face in name for face in ('bold', 'italic', 'oblique', 'thin', 'light')), path
