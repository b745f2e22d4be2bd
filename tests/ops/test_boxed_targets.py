from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdet_panseg.ops import area_averaged_targets, boxed_mask_targets, crops_of_masks, mask_targets


@pytest.mark.parametrize('shrink', [mask_targets, area_averaged_targets])
@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(0, 4),
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    strides=st.sampled_from([(4, 8, 16), (8,), (1, 2), (4, 12)]),
    seed=st.integers(0, 2**20),
)
def test_targets_are_those_of_whole_masks(shrink, count, height, width, strides, seed):
    rng = np.random.default_rng(seed)
    masks = np.zeros((count, height, width), np.uint8)
    for mask in masks:
        y, x = rng.integers(0, height), rng.integers(0, width)
        part = mask[y : y + rng.integers(0, 40), x : x + rng.integers(0, 40)]
        part[:] = rng.random(part.shape) < 0.6
    size = (height + -height % 48, width + -width % 48)
    found = boxed_mask_targets(crops_of_masks(masks), strides, shrink)
    padded = np.pad(masks, ((0, 0), (0, size[0] - height), (0, size[1] - width)))
    assert tuple(found) == strides
    for stride, crops in found.items():
        targets = crops.dense(tuple(side // stride for side in size))
        np.testing.assert_array_equal(targets, shrink(padded, stride))
        assert targets.dtype == np.uint8
