from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mmdet_panseg.ops import BlendedRows, blend_weights, split_band, tile_starts


def blended_at_once(tiles, cells):
    """Oracle: a canvas of the whole grid."""
    sums, weights = torch.zeros(2, *cells), torch.zeros(cells)
    for (row, column), logits in tiles.items():
        height, width = logits.shape[1:]
        weight = torch.from_numpy(blend_weights(height))[:, None] * torch.from_numpy(blend_weights(width))
        sums[:, row : row + height, column : column + width] += logits * weight
        weights[row : row + height, column : column + width] += weight
    return sums / weights


def random_tiles(cells, tile, overlap):
    rows, columns = (tile_starts(side, tile, overlap) for side in cells)
    shape = min(tile, cells[0]), min(tile, cells[1])
    return {(row, column): torch.randn(2, *shape) for row in rows for column in columns}


def bands_of(tiles, cells):
    blended = BlendedRows(2, cells)
    rows = sorted({row for row, _ in tiles})
    for row, next_row in zip(rows, [*rows[1:], cells[0]], strict=True):
        for corner in sorted(tiles):
            if corner[0] == row:
                blended.add(tiles[corner], *corner)
        yield from blended.finish(next_row)


CASES = [
    ((23, 31), 8, 0.25),
    ((8, 8), 8, 0.2),
    ((5, 40), 8, 0.5),
    ((17, 9), 8, 0.01),
    ((9, 9), 1, 0.0),
    ((3, 3), 2, 0.5),
]


@pytest.mark.parametrize(('cells', 'tile', 'overlap'), CASES)
def test_bands_have_the_rows_of_the_whole(cells, tile, overlap):
    tiles = random_tiles(cells, tile, overlap)
    expected = blended_at_once(tiles, cells)
    bands = list(bands_of(tiles, cells))
    first = 0
    for band in bands:
        assert band.first == first
        count = band.logits.shape[1] - band.above - band.below
        torch.testing.assert_close(band.logits, expected[:, first - band.above : first + count + band.below])
        # What lies beyond is missing at the ends of the image alone.
        assert band.above == (first > 0) and band.below == (first + count < cells[0])
        first += count
    assert first == cells[0]


@pytest.mark.parametrize('most', [1, 3, 100])
def test_enlarged_bands_equal_the_enlarged_whole(most):
    cells, scale = (23, 31), 4
    tiles = random_tiles(cells, 8, 0.25)
    expected = F.interpolate(blended_at_once(tiles, cells)[None], scale_factor=scale, mode='bilinear')[0]
    parts = []
    for band in bands_of(tiles, cells):
        for part in split_band(band, most):
            assert part.logits.shape[1] - part.above - part.below <= most
            enlarged = F.interpolate(part.logits[None], scale_factor=scale, mode='bilinear')[0]
            parts.append(enlarged[:, part.above * scale : enlarged.shape[1] - part.below * scale])
    torch.testing.assert_close(torch.cat(parts, dim=1), expected)


def test_one_tile_alone_keeps_its_logits():
    logits = torch.randn(2, 6, 7)
    (band,) = bands_of({(0, 0): logits}, (6, 7))
    torch.testing.assert_close(band.logits, logits)


def test_rows_come_in_order():
    blended = BlendedRows(1, (8, 4))
    blended.add(torch.ones(1, 4, 4), 0, 0)
    list(blended.finish(4))
    with pytest.raises(ValueError, match='handed on already'):
        blended.add(torch.ones(1, 4, 4), 2, 0)
