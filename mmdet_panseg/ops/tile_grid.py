"""Where the tiles of a large image lie, and how much each counts where they overlap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def tile_starts(length: int, tile: int, overlap: float, multiple: int = 1) -> list[int]:
    """Place tiles along one side of an image.

    All starts are multiples of ``multiple``, so that the cells of all tiles lie on one grid; the last tile may
    therefore reach beyond the image by less than that.

    Args:
        length: Length of the side in pixels.
        tile: Length of a tile in pixels, a multiple of ``multiple``.
        overlap: Least share of a tile that the next one covers too, from 0 to below 1.
        multiple: See above.

    Returns:
        Ascending starts, the first 0; one if the image is not longer than a tile.
    """
    if length <= tile:
        return [0]
    last = -(-(length - tile) // multiple) * multiple
    step = max(multiple, int(tile * (1 - overlap)) // multiple * multiple)
    return [*range(0, last, step), last]


def blend_weights(cells: int) -> npt.NDArray[np.float32]:
    """Weigh the cells along one side of a tile by their distance from its nearest end.

    What a tile sees at its border is cut off there, so that its neighbour, which sees the whole of it, counts more.

    Args:
        cells: Number of cells.

    Returns:
        Weights above zero, float32, shape ``(cells,)``.
    """
    place = np.arange(cells, dtype=np.float32)
    return np.minimum(place, cells - 1 - place) + np.float32(0.5)
