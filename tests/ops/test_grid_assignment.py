from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdet_panseg.ops import (
    cell_centers,
    cells_of_windows,
    grid_windows,
    levels_of_scales,
    priority_by_area,
    resolve_collisions,
    split_levels,
)

GRIDS = [7, 5, 3]


def oracle_window(center, half, grid, size, clip):
    """One object on one level: the cells within the centre region, at most one away from the centre's."""
    height, width = size

    def cell(value, side):
        return int(np.trunc(np.float32(np.float32(value) / np.float32(side)) / np.float32(1 / grid)))

    window = []
    for value, extent, side in ((center[0], half[0], width), (center[1], half[1], height)):
        low = max(0, cell(np.float32(value) - np.float32(extent), side))
        high = min(grid - 1, cell(np.float32(value) + np.float32(extent), side))
        if clip:
            low, high = max(low, cell(value, side) - 1), min(high, cell(value, side) + 1)
        window.append((low, high))
    return [window[0][0], window[1][0], window[0][1], window[1][1]]


def oracle_owner(windows, hits, priority):
    """Paint the windows onto the grids one by one, the most important last."""
    painted = [np.full((grid, grid), -1) for grid in GRIDS]
    for index in np.argsort(priority):
        for level in range(len(GRIDS)):
            if hits[index][level]:
                left, top, right, bottom = windows[index][level]
                painted[level][top : bottom + 1, left : right + 1] = index
    return np.concatenate([grid.ravel() for grid in painted])


objects = st.integers(0, 30).flatmap(
    lambda count: st.tuples(
        *(
            st.lists(
                st.tuples(st.floats(low, high, width=32), st.floats(low, high, width=32)),
                min_size=count,
                max_size=count,
            )
            for low, high in ((0, 99), (0, 60))
        ),
        st.integers(0, 2**16),
    )
)


@settings(max_examples=60, deadline=None)
@given(objects, st.booleans())
def test_assignment_equals_painting_one_by_one(case, clip):
    centers, halves, seed = case
    count, rng = len(centers), np.random.default_rng(seed)
    size = (100, 130)
    hits = rng.random((count, len(GRIDS))) < 0.6
    priority = rng.permutation(count)

    windows = grid_windows(
        torch.tensor(centers, dtype=torch.float32).reshape(-1, 2),
        torch.tensor(halves, dtype=torch.float32).reshape(-1, 2),
        GRIDS,
        size,
        clip=clip,
    )
    expected = [
        [oracle_window(center, half, grid, size, clip) for grid in GRIDS]
        for center, half in zip(centers, halves, strict=True)
    ]
    assert windows.tolist() == expected

    candidates = cells_of_windows(windows, torch.from_numpy(hits), GRIDS)
    result = resolve_collisions(candidates, torch.from_numpy(priority), sum(grid**2 for grid in GRIDS))
    owner = oracle_owner(expected, hits, priority)
    assert result.cells.tolist() == np.flatnonzero(owner >= 0).tolist()
    assert result.objects.tolist() == owner[owner >= 0].tolist()


def test_object_outside_the_grid_claims_no_cell():
    windows = grid_windows(torch.tensor([[500.0, 500.0]]), torch.tensor([[3.0, 3.0]]), GRIDS, (100, 100))
    cells = cells_of_windows(windows, torch.ones(1, 3, dtype=torch.bool), GRIDS)
    assert len(cells.cells) == 0


def test_thousands_of_objects():
    count = 5000
    centers, halves = torch.rand(count, 2) * 100, torch.rand(count, 2) * 20
    windows = grid_windows(centers, halves, [40, 36, 24], (100, 100), clip=False)
    hits = torch.ones(count, 3, dtype=torch.bool)
    result = resolve_collisions(
        cells_of_windows(windows, hits, [40, 36, 24]), torch.arange(count), 40**2 + 36**2 + 24**2
    )
    assert result.cells.unique().numel() == result.cells.numel()
    # The last object wins all cells of its windows.
    left, top, right, bottom = windows[-1, 0].tolist()
    mine = result.cells[result.objects == count - 1]
    assert {40 * row + column for row in range(top, bottom + 1) for column in range(left, right + 1)} <= set(
        mine.tolist()
    )


def test_scale_ranges_are_inclusive_and_may_overlap():
    hits = levels_of_scales(torch.tensor([0.5, 1.0, 48.0, 96.0, 96.1]), [(1, 96), (48, 192)])
    assert hits.tolist() == [[False, False], [True, False], [True, True], [True, True], [False, True]]


@given(st.lists(st.integers(0, 5), max_size=12))
def test_smaller_objects_rank_higher(areas):
    priority = priority_by_area(torch.tensor(areas, dtype=torch.long)).tolist()
    assert sorted(priority) == list(range(len(areas)))
    for one in range(len(areas)):
        for other in range(len(areas)):
            if areas[one] < areas[other] or (areas[one] == areas[other] and one > other):
                assert priority[one] > priority[other]


@pytest.mark.parametrize('grid', [12, 16, 24, 36, 40])
def test_edges_of_cells_fall_where_mmdet_puts_them(grid):
    """Centres on every possible edge, through mmdet's own arithmetic on scalars."""
    from mmdet.models.utils.misc import floordiv

    side = 96
    values = torch.arange(0, side, 0.5)
    windows = grid_windows(torch.stack([values, values], 1), torch.zeros(len(values), 2), [grid], (side, side))
    expected = [int(floordiv(value / side, 1.0 / grid, rounding_mode='trunc')) for value in values]
    assert windows[:, 0, 0].tolist() == expected


@given(st.sets(st.integers(0, 82)))
def test_cells_are_split_into_levels(chosen):
    cells, sizes = sorted(chosen), [49, 25, 9]
    levels = split_levels(torch.tensor(cells, dtype=torch.long), sizes)
    for first, size, (place, within) in zip([0, 49, 74], sizes, levels, strict=True):
        assert cells[place] == [cell for cell in cells if first <= cell < first + size]
        assert within.tolist() == [cell - first for cell in cells[place]]


def test_centres_of_cells():
    assert cell_centers(torch.tensor([0, 4, 5]), 3, (90, 120)).tolist() == [[20, 15], [60, 45], [100, 45]]
