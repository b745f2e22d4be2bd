from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_masks

from mmdet_panseg.ops import rle_codes, rle_codes_of_masks, rle_encoding
from mmdet_panseg.ops.rle import rle_counts


def oracle(mask):
    return coco_masks.encode(np.asfortranarray(mask, np.uint8))['counts']


@st.composite
def stacks(draw):
    """Empty, sparse, dense and full masks, blocks at borders."""
    size = draw(st.integers(1, 25)), draw(st.integers(1, 25))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    masks = np.zeros((draw(st.integers(0, 6)), *size), bool)
    for mask in masks:
        (top, bottom), (left, right) = (np.sort(rng.integers(0, side + 1, 2)) for side in size)
        mask[top:bottom, left:right] = rng.random((bottom - top, right - left)) < rng.choice([0, 0.1, 0.5, 0.9, 1])
    return masks


@settings(max_examples=200, deadline=None)
@given(stacks(), st.sampled_from([1, 40, 2**24]))
def test_whole_masks(masks, at_a_time):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rle_encoding, '_PIXELS_AT_A_TIME', at_a_time)
        assert rle_codes_of_masks(masks) == [oracle(mask) for mask in masks]
        transposed = np.ascontiguousarray(masks.transpose(0, 2, 1)).transpose(0, 2, 1)
        assert rle_codes_of_masks(transposed) == [oracle(mask) for mask in masks]


@settings(max_examples=100, deadline=None)
@given(stacks(), st.integers(0, 10**6))
def test_windows_larger_than_the_masks_and_beyond_the_image(masks, seed):
    rng = np.random.default_rng(seed)
    size = masks.shape[1:]
    crops, corners, expected = [], [], []
    for mask in masks:
        top, left = (int(rng.integers(0, side + 1)) for side in size)
        window = np.zeros_like(mask)
        window[top:, left:] = mask[top:, left:]
        expected.append(oracle(window))
        crop = np.pad(mask[top:, left:], [(0, rng.integers(0, 4)), (0, rng.integers(0, 4))], constant_values=True)
        crops.append(crop if rng.random() < 0.5 else crop.astype(np.uint8))
        corners.append((left, top))
    assert rle_codes(crops, corners, size) == expected


@pytest.mark.parametrize('size', [(0, 5), (5, 0), (0, 0)])
def test_images_without_pixels(size):
    assert rle_codes_of_masks(np.zeros((2, *size), bool)) == [oracle(np.zeros(size, bool))] * 2


def test_an_image_of_more_pixels_than_an_int32_counts():
    size = (60_000, 50_000)
    crops = [np.ones((3, 2), bool)] * 2
    codes = rle_codes(crops, [(49_998, 59_997), (0, 0)], size)
    last = 49_998 * 60_000 + 59_997
    assert rle_counts(codes[0]).tolist() == [last, 3, 59_997, 3]
    assert rle_counts(codes[1]).tolist() == [0, 3, 59_997, 3, 60_000 * 50_000 - 60_003]


def test_thousands_of_masks():
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 90, (5_000, 2))
    crops = [rng.random(rng.integers(0, 12, 2)) < 0.7 for _ in corners]
    for code, crop, (left, top) in zip(rle_codes(crops, corners, (100, 100)), crops, corners, strict=True):
        mask = np.zeros((120, 120), bool)
        mask[top : top + crop.shape[0], left : left + crop.shape[1]] = crop
        assert code == oracle(mask[:100, :100])
