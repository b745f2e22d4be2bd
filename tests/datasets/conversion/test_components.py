from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from label_cases import CAR, CLASSES, PERSON, ROAD, SKY, VOID, flood_fill, wanted_segments
from mmdet_panseg.datasets.conversion.components import split_label_map


def found_segments(found):
    """(class name, is crowd, pixels) of every segment, after checks of areas and boxes."""
    assert set(np.unique(found.segment_map)) - {0} == set(range(1, len(found.segments) + 1))
    result = set()
    for number, segment in enumerate(found.segments, start=1):
        pixels = np.argwhere(found.segment_map == number)
        (y0, x0), (y1, x1) = pixels.min(axis=0), pixels.max(axis=0)
        assert segment.area == len(pixels) and segment.box == [x0, y0, x1 - x0 + 1, y1 - y0 + 1]
        name = CLASSES[segment.category].name
        result.add((name, int(segment.is_crowd), frozenset(map(tuple, pixels.tolist()))))
    return result


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 23), st.integers(1, 19), st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_segments_are_those_of_a_flood_fill(height, width, seed, min_area):
    rng = np.random.default_rng(seed)
    label_map = rng.choice(np.array([SKY, ROAD, CAR, PERSON, VOID], np.uint8), (height, width))
    found = split_label_map(label_map, CLASSES, min_area)
    assert found_segments(found) == wanted_segments(label_map, min_area)
    categories = [segment.category for segment in found.segments]
    assert categories == sorted(categories), 'things first, by class'
    for category, item in enumerate(CLASSES):
        small = [part for part in flood_fill(label_map == item.value) if item.is_thing and len(part) < min_area]
        assert found.small[category].tolist() == [len(small), sum(map(len, small))]


def test_small_components_become_void_or_one_crowd_of_their_class():
    label_map = np.full((9, 9), ROAD, np.uint8)
    label_map[0:3, 0:3] = CAR
    label_map[5, 5] = label_map[8, 0:2] = CAR
    label_map[0, 8] = PERSON
    void = split_label_map(label_map, CLASSES, min_area=3)
    assert found_segments(void) == wanted_segments(label_map, 3)
    assert (void.segment_map == 0).sum() == 4
    crowd = split_label_map(label_map, CLASSES, min_area=3, small='crowd')
    extra = {('car', 1, frozenset({(5, 5), (8, 0), (8, 1)})), ('person', 1, frozenset({(0, 8)}))}
    assert found_segments(crowd) == wanted_segments(label_map, 3) | extra
    assert (crowd.segment_map > 0).all()
    assert crowd.small.tolist() == void.small.tolist() == [[2, 3], [1, 1], [0, 0], [0, 0]]


def test_diagonal_pixels_are_connected():
    label_map = np.where(np.eye(5, dtype=bool), CAR, SKY).astype(np.uint8)
    found = split_label_map(label_map, CLASSES, min_area=5)
    assert [segment.area for segment in found.segments] == [5, 20]
    assert found.segments[0].box == [0, 0, 5, 5]


@pytest.mark.parametrize('value, segments', [(VOID, 0), (SKY, 1), (CAR, 1)])
def test_one_pixel_and_one_label(value, segments):
    for shape in ((1, 1), (1, 7), (5, 1), (6, 8)):
        found = split_label_map(np.full(shape, value, np.uint8), CLASSES)
        assert len(found.segments) == segments
        assert (found.segment_map == segments).all()


def test_thousands_of_components_are_numbered_apart():
    label_map = np.full((120, 140), ROAD, np.uint8)
    label_map[::2, ::2] = CAR
    found = split_label_map(label_map, CLASSES)
    assert len(found.segments) == 60 * 70 + 1
    assert len(np.unique(found.segment_map[::2, ::2])) == 60 * 70


def test_other_uses_of_small_components_are_refused():
    with pytest.raises(ValueError, match='stuff'):
        split_label_map(np.zeros((2, 2), np.uint8), CLASSES, small='stuff')
