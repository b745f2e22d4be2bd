from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdet_panseg.ops import blend_weights, tile_starts


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 5000), st.integers(1, 40), st.integers(1, 16), st.floats(0, 0.5))
def test_tiles_cover_a_side(length, cells, multiple, overlap):
    tile = cells * multiple
    starts = tile_starts(length, tile, overlap, multiple)
    assert starts[0] == 0 and starts == sorted(set(starts))
    assert all(start % multiple == 0 for start in starts)
    if length <= tile:
        assert starts == [0]
        return
    assert length <= starts[-1] + tile < length + multiple
    gaps = np.diff(starts)
    # At least the overlap, unless a tile is too small for it on the grid.
    assert all(gap <= max(multiple, tile * (1 - overlap)) for gap in gaps)


def test_weights_fall_to_both_ends():
    assert blend_weights(5).tolist() == [0.5, 1.5, 2.5, 1.5, 0.5]
    assert blend_weights(4).tolist() == [0.5, 1.5, 1.5, 0.5]
    assert blend_weights(1).tolist() == [0.5]
