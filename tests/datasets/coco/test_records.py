from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as mask_utils

from mmdet_panseg.datasets.coco.records import distinct_colours, encode_mask, tight_box

CHANNEL = st.integers(0, 255)


@given(st.lists(st.sampled_from([(0, 0, 0), (5, 11, 17), (250, 250, 250), (1, 0, 0)]), max_size=40))
def test_colours_differ_and_the_first_of_a_class_is_its_own(class_colours):
    colours = distinct_colours(class_colours)
    assert colours.shape == (len(class_colours) + 1, 3) and colours.dtype == np.uint8
    assert (colours[0] == 0).all()
    assert len({tuple(colour) for colour in colours.tolist()}) == len(colours)
    if class_colours and class_colours[0] != (0, 0, 0):
        assert tuple(colours[1].tolist()) == class_colours[0]


def test_thousands_of_segments_of_a_class_have_colours():
    colours = distinct_colours([(64, 0, 128)] * 3000)
    assert len({tuple(colour) for colour in colours.tolist()}) == 3001


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_boxes_and_run_lengths_are_those_of_the_mask(height, width, seed):
    rng = np.random.default_rng(seed)
    mask = rng.random((height, width)) < 0.3
    mask[rng.integers(height), rng.integers(width)] = True
    (y0, x0), (y1, x1) = np.argwhere(mask).min(axis=0), np.argwhere(mask).max(axis=0)
    assert tight_box(mask) == [x0, y0, x1 - x0 + 1, y1 - y0 + 1]
    rle = encode_mask(mask)
    assert isinstance(rle['counts'], str) and (mask_utils.decode(rle).astype(bool) == mask).all()
