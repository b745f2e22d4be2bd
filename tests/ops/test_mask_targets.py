from __future__ import annotations

import mmcv
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdet_panseg.ops import area_averaged_targets, mask_targets


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 3), st.integers(1, 70), st.integers(1, 70), st.sampled_from([1, 2, 4, 8, 16]), st.integers(0, 2**20)
)
def test_targets_equal_those_of_mmcv(count, height, width, stride, seed):
    rng = np.random.default_rng(seed)
    masks = (rng.random((count, height, width)) < rng.random()).astype(np.uint8)
    targets = mask_targets(masks, stride)
    assert targets.dtype == np.uint8
    if min(int(height / stride + 0.5), int(width / stride + 0.5)) == 0:
        assert targets.size == 0
        return
    for mask, target in zip(masks, targets, strict=True):
        np.testing.assert_array_equal(target, mmcv.imrescale(mask, 1.0 / stride) if stride > 1 else mask)


@pytest.mark.parametrize('stride', [2, 4, 8])
def test_four_pixels_in_the_middle_decide(stride):
    """The fast path for sizes that the stride divides, against the words of its docstring."""
    masks = (np.random.default_rng(0).random((2, 5 * stride, 3 * stride)) < 0.5).astype(np.uint8)
    targets = mask_targets(masks, stride)
    for index in np.ndindex(targets.shape):
        instance, row, column = index
        rows = slice(row * stride + stride // 2 - 1, row * stride + stride // 2 + 1)
        columns = slice(column * stride + stride // 2 - 1, column * stride + stride // 2 + 1)
        assert targets[index] == (masks[instance, rows, columns].sum() >= 2)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 3), st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 2, 4, 8]), st.integers(0, 2**20))
def test_area_average(count, height, width, stride, seed):
    masks = (np.random.default_rng(seed).random((count, height, width)) < 0.5).astype(np.uint8)
    targets = area_averaged_targets(masks, stride)
    assert targets.shape == (count, -(-height // stride), -(-width // stride))
    for index in np.ndindex(targets.shape):
        instance, row, column = index
        block = masks[instance, row * stride : (row + 1) * stride, column * stride : (column + 1) * stride]
        assert targets[index] == (block.sum() >= stride * stride / 2)


def test_odd_strides_are_refused():
    with pytest.raises(ValueError, match='even, not 3'):
        mask_targets(np.zeros((1, 6, 6), np.uint8), 3)
