from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foreign_data import encode_brush
from mmdet_panseg.datasets.conversion.importers.brush_runs import decode_brush


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_what_is_packed_is_unpacked(height, width, seed):
    mask = np.random.default_rng(seed).random((height, width)) < 0.5
    np.testing.assert_array_equal(decode_brush(encode_brush(mask), height, width), mask)


def test_runs_longer_than_the_largest_size():
    mask = np.zeros((200, 200), bool)
    mask[3, 4] = True
    np.testing.assert_array_equal(decode_brush(encode_brush(mask), 200, 200), mask)


def test_half_transparent_rims_are_cut_at_half():
    # one literal block (bit 0) of four values, by hand: count 4, words of 8 bits, sizes 3, 4, 8, 16
    for alpha, inside in ((127, False), (128, True)):
        bits = f'{4:032b}{7:05b}{2:04b}{3:04b}{7:04b}{15:04b}' + '0' + '00' + f'{3:03b}'
        bits += ''.join(f'{value:08b}' for value in (9, 9, 9, alpha))
        bits += '0' * (-len(bits) % 8)
        packed = [int(bits[k : k + 8], 2) for k in range(0, len(bits), 8)]
        assert decode_brush(packed, 1, 1).item() is inside


@pytest.mark.parametrize('spoil', [lambda runs: runs[:-4], lambda runs: [300, *runs[1:]], lambda runs: 'text'])
def test_other_streams_are_refused(spoil):
    runs = encode_brush(np.eye(8, dtype=bool))
    with pytest.raises(ValueError, match='rle'):
        decode_brush(spoil(runs), 8, 8)


def test_masks_of_another_size_are_refused():
    with pytest.raises(ValueError, match='not of 9x8 pixels'):
        decode_brush(encode_brush(np.eye(8, dtype=bool)), 8, 9)
