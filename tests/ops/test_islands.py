"""Islands against a flood fill in plain Python."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdet_panseg.ops import VOID_ROW, split_islands


def flood(segment_map, row):
    """Lists of the pixels of a row's 8-connected parts."""
    left = set(zip(*np.nonzero(segment_map == row), strict=True))
    parts = []
    while left:
        queue = deque([left.pop()])
        part = []
        while queue:
            y, x = queue.popleft()
            part.append((y, x))
            for neighbour in [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]:
                if neighbour in left:
                    left.remove(neighbour)
                    queue.append(neighbour)
        parts.append(sorted(part))
    return parts


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 24), st.integers(1, 24), st.integers(1, 8), st.integers(0, 2**20))
def test_parts_are_those_of_a_flood_fill(height, width, min_area, seed):
    rng = np.random.default_rng(seed)
    segment_map = rng.choice([0, 1, 2, 7, VOID_ROW], (height, width)).astype(np.uint16)
    before = segment_map.copy()
    rows, min_areas = np.array([7, 1, 9]), np.array([min_area, 1, 1])
    split, parents, leftover = split_islands(segment_map, rows, min_areas, 256)
    np.testing.assert_array_equal(segment_map, before)
    # Merged again, the islands give the map they came from.
    column = np.concatenate([np.arange(256), parents])
    np.testing.assert_array_equal(column[split], before)
    expected = set()
    for row, smallest in zip(rows, min_areas, strict=True):
        parts = flood(before, row)
        expected |= {tuple(part) for part in parts if len(part) >= smallest}
    found = {tuple(sorted(zip(*np.nonzero(split == 256 + k), strict=True))) for k in range(len(parents))}
    assert found == expected
    assert leftover.tolist() == [bool((split == row).any()) for row in rows]


def test_thousands_of_islands():
    segment_map = np.zeros((200, 200), np.uint16)
    segment_map[::2, ::2] = 3
    split, parents, leftover = split_islands(segment_map, np.array([3, 0]), np.array([1, 1]), 256)
    assert parents.tolist() == [3] * 10_000 + [0] and not leftover.any()
    assert len(np.unique(split)) == 10_001
    split, parents, leftover = split_islands(segment_map, np.array([3]), np.array([2]), 256)
    np.testing.assert_array_equal(split, segment_map)
    assert len(parents) == 0 and leftover.all()


def test_diagonal_neighbours_are_connected():
    segment_map = np.eye(5, dtype=np.uint16)
    for row in (0, 1):
        assert split_islands(segment_map, np.array([row]), np.array([1]), 256).parents.tolist() == [row]
    segment_map[:, 2] = 1
    assert split_islands(segment_map, np.array([0]), np.array([1]), 256).parents.tolist() == [0, 0]


def test_too_many_islands_are_named():
    segment_map = np.zeros((520, 520), np.uint16)
    segment_map[::2, ::2] = 3
    with pytest.raises(ValueError, match='raise min_area'):
        split_islands(segment_map, np.array([3]), np.array([1]), 256)


def test_nothing_to_split():
    nothing = np.zeros(0, int)
    split, parents, leftover = split_islands(np.zeros((0, 4), np.uint16), nothing, nothing, 256)
    assert split.shape == (0, 4) and parents.shape == leftover.shape == (0,)
    absent = split_islands(np.zeros((3, 4), np.uint16), np.array([7]), np.array([1]), 256)
    assert absent.parents.shape == (0,) and not absent.leftover.any()
