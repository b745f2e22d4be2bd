from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdet.models.utils import center_of_mass
from mmdet.structures.mask import BitmapMasks

from mmdet_panseg.ops import boxes_from_masks, mask_geometry


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 4), st.integers(1, 40), st.integers(1, 40), st.floats(0, 1), st.integers(0, 2**20))
def test_measures_equal_those_of_mmdet(count, height, width, density, seed):
    array = (np.random.default_rng(seed).random((count, height, width)) < density * 0.2).astype(np.uint8)
    masks = torch.from_numpy(array)
    geometry = mask_geometry(array)
    assert geometry.areas.tolist() == array.sum((1, 2)).tolist()
    boxes = BitmapMasks(array, height, width).get_bboxes('hbox').tensor if count else torch.zeros(0, 4)
    assert geometry.boxes.tolist() == boxes.tolist()
    assert torch.equal(boxes_from_masks(masks.bool()), boxes)
    for mask, center in zip(masks, geometry.centers, strict=True):
        y, x = center_of_mass(mask.bool())
        assert center.tolist() == [x.item(), y.item()]


def test_one_pixel_in_the_corner():
    masks = np.zeros((1, 5, 9), np.uint8)
    masks[0, 4, 8] = 1
    geometry = mask_geometry(masks)
    assert geometry.boxes.tolist() == [[8, 4, 9, 5]]
    assert geometry.centers.tolist() == [[8, 4]]


def test_moments_of_large_masks_are_exact():
    """Sums beyond 2**24 would lose pixels in float32."""
    masks = np.ones((1, 3000, 3000), np.uint8)
    assert mask_geometry(masks).centers.tolist() == [[1499.5, 1499.5]]
