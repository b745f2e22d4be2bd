"""A picture sheet of what a network is trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmdet_panseg.visualization import SheetRow, compose_sheet

from .pictures import sample_pictures
from .sample import BrowsedSample


def browse_sheet(samples: Sequence[BrowsedSample], frame: tuple[int, int] = (260, 320)) -> np.ndarray:
    """Draw a row for each image, with its numbers above and its remarks below.

    Args:
        samples: From :func:`browse_samples`, at least one.
        frame: Height and width in pixels that every picture is scaled to fit.

    Returns:
        The sheet, an RGB image of shape (H, W, 3), uint8.
    """
    drawn = [sample_pictures(sample, frame) for sample in samples]
    titles = list(dict.fromkeys(title for pictures in drawn for title in pictures))
    rows = []
    for sample, pictures in zip(samples, drawn, strict=True):
        rows.append(SheetRow(f'{sample.name}   ·   {sample.summary()}', [pictures.get(title) for title in titles]))
        rows += [SheetRow(line, [None] * len(titles), continues=True) for line in sample.remarks()]
    return compose_sheet(rows, titles)
