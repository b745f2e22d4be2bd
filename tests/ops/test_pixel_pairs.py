from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdet_panseg.ops import count_pixel_pairs


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 9), st.integers(0, 9), st.integers(1, 6), st.sampled_from([1, 2**31 - 7]), st.integers(0, 2**20))
def test_counts_each_pair(height, width, values, offset, seed):
    first, second = np.random.default_rng(seed).integers(0, values, (2, height, width)) + offset
    pairs = count_pixel_pairs(first.astype(np.uint32), second)
    found = dict(zip(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True), pairs.counts.tolist(), strict=True))
    assert found == Counter(zip(first.ravel().tolist(), second.ravel().tolist(), strict=True))
    assert list(found) == sorted(found)


def test_more_segments_than_a_table_of_all_pairs_could_hold():
    values = np.arange(300 * 400).reshape(300, 400)
    pairs = count_pixel_pairs(values, values[::-1])
    assert len(pairs.counts) == 300 * 400 and (pairs.counts == 1).all()


@pytest.mark.parametrize('value', [-1, 2**31])
def test_values_out_of_range(value):
    with pytest.raises(ValueError, match=f'found {value}'):
        count_pixel_pairs(np.zeros((1, 2), np.int64), np.array([[0, value]]))


def test_different_shapes():
    with pytest.raises(ValueError, match=r'\(2, 3\) and \(3, 2\)'):
        count_pixel_pairs(np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8))
