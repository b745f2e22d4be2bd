from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as mask_utils

from mmdet_panseg.datasets.coco.annotation_checks import (
    LEFT_OUT_REASONS,
    REPAIR_REASONS,
    check_annotation,
    check_box,
    check_rle,
    compressed_runs,
)

HEIGHT, WIDTH = 24, 40


def runs(mask: np.ndarray) -> list[int]:
    """Uncompressed run lengths of a mask, column by column, by the book."""
    counts, value, length = [], 0, 0
    for pixel in mask.T.reshape(-1):
        if pixel != value:
            counts.append(length)
            value, length = pixel, 0
        length += 1
    return [*counts, length]


@pytest.mark.parametrize(
    ('box', 'reason'),
    [
        ([0, 0, WIDTH, HEIGHT], None),
        ([-5, -5, 6, 6], None),
        ([WIDTH - 1, HEIGHT - 1, 50, 50], None),
        ([0.5, 0.5, 1, 1], None),
        ([-5, 0, 5, 5], 'box_outside'),
        ([WIDTH, 0, 5, 5], 'box_outside'),
        ([0, HEIGHT, 5, 5], 'box_outside'),
        ([0, -9, 5, 5], 'box_outside'),
        ([0, 0, 0.99, 5], 'box_too_small'),
        ([0, 0, 5, -3], 'box_too_small'),
        ([0.1, 0.2, 0.3, 0.8], 'box_fraction'),
        ([0.1, 0.2, 0.95, 0.8], 'box_too_small'),
        ([0, 0, 1, 1], None),
        ([0, 0, math.nan, 5], 'box_malformed'),
        ([math.inf, 0, 5, 5], 'box_malformed'),
        ([0, 0, 5], 'box_malformed'),
        (None, 'box_malformed'),
        (['0', '0', '5', '5'], 'box_malformed'),
    ],
)
def test_box(box, reason):
    assert check_box(box, HEIGHT, WIDTH) == reason


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({}, None),
        ({'area': 0}, 'no_area'),
        ({'area': -4.0}, 'area_negative'),
        ({'area': math.nan}, 'area_malformed'),
        ({'area': None}, 'area_malformed'),
        ({'segmentation': []}, 'no_segmentation'),
        ({'segmentation': None}, 'no_segmentation'),
        ({'segmentation': [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}, 'segmentation_malformed'),
        ({'segmentation': 'abc'}, 'segmentation_malformed'),
        ({'segmentation': {'size': [HEIGHT, WIDTH]}}, 'segmentation_malformed'),
        ({'segmentation': [[1, 1, 5, 5]]}, 'polygon_too_short'),
        ({'segmentation': [[1, 1, 5, 5, 9]]}, 'polygon_too_short'),
        ({'segmentation': [[1, 1, 5, 5, 9, 9, 2]]}, 'polygon_too_short'),
        ({'segmentation': [[1, 1, math.nan, 5, 9, 9]]}, 'polygon_too_short'),
    ],
)
def test_annotation_as_a_whole(make_square, changes, reason):
    annotation = make_square(1, **changes)
    checked, found = check_annotation(annotation, HEIGHT, WIDTH)
    assert found == reason
    assert checked is (annotation if reason is None else None)
    assert reason is None or reason in LEFT_OUT_REASONS


def test_good_polygons_of_an_object_stay(make_square):
    good = [1.0, 1.0, 9.0, 1.0, 9.0, 9.0]
    annotation = make_square(1, segmentation=[[1, 1, 5, 5], good])
    checked, reason = check_annotation(annotation, HEIGHT, WIDTH)
    assert reason == 'polygon_dropped' and reason in REPAIR_REASONS
    assert checked['segmentation'] == [good]
    assert len(annotation['segmentation']) == 2, 'the annotation of the caller must not change'


def test_boxes_alone_need_no_mask(make_square):
    annotation = make_square(1)
    del annotation['segmentation']
    assert check_annotation(annotation, HEIGHT, WIDTH, with_mask=False) == (annotation, None)


@given(
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_rle_of_random_masks(height, width, share, seed):
    mask = (np.random.default_rng(seed).random((height, width)) < share).astype(np.uint8)
    text = mask_utils.encode(np.asfortranarray(mask))['counts'].decode()
    counts = runs(mask)
    assert compressed_runs(text) == list(counts) and sum(counts) == height * width
    for form in (text, counts):
        found = check_rle({'size': [height, width], 'counts': form}, height, width)
        assert found == (None if mask.any() else 'rle_empty')
        wrong = check_rle({'size': [height, width], 'counts': form}, width, height)
        assert wrong == (found if height == width else 'rle_transposed')
        assert check_rle({'size': [height, width], 'counts': form}, height + 31, width) == 'rle_wrong_size'


@pytest.mark.parametrize(
    'counts', [[], [5, 5], [HEIGHT * WIDTH + 1, -1], ['a'], '', '0', 'zzz', '\x01', [HEIGHT * WIDTH, 1]]
)
def test_rle_whose_runs_do_not_fill_the_image(counts):
    assert check_rle({'size': [HEIGHT, WIDTH], 'counts': counts}, HEIGHT, WIDTH) == 'rle_bad_counts'
