"""What a head hands down to the loss and to the prediction of its cells' masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor

from mmdet_panseg.ops import split_levels

from .level_masks import LevelMasks


class MaskSource(NamedTuple):
    """Chosen cells of one image on one level, and where their masks come from.

    Attributes:
        image: Index of the image in the batch.
        level: Index of the level.
        place: Where these cells stand among the chosen cells of the image.
        cells: The cells as indices within the level, ascending, int64, shape ``(P,)``.
        provider: Gives the masks of cells of this image and level, of these or others.
        num_cells: Number of cells of the level.
        stride: Stride of the level in pixels of the input.
        size: Height and width of the level's aligned features.
    """

    image: int
    level: int
    place: slice
    cells: Tensor
    provider: Callable[[Tensor], LevelMasks]
    num_cells: int
    stride: int
    size: tuple[int, int]


def sources_of_cells(
    sources: Sequence[MaskSource], cells: Sequence[Tensor], level_cells: Sequence[int]
) -> list[MaskSource]:
    """Narrow sources down to some of their cells.

    Args:
        sources: Sources of a batch.
        cells: Per image the cells that are left, ascending indices over all levels.
        level_cells: Number of cells of each level.

    Returns:
        The sources that have such cells.
    """
    by_image = [split_levels(chosen, level_cells) for chosen in cells]
    narrowed = []
    for source in sources:
        place, chosen = by_image[source.image][source.level]
        if len(chosen):
            narrowed.append(source._replace(place=place, cells=chosen))
    return narrowed
