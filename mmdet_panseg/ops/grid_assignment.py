"""Assignment of objects to grid cells, for all objects and levels of an image at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class GridCells(NamedTuple):
    """Grid cells of an image and the objects they predict.

    Cells of all levels are numbered one after the other, row by row, level by level, so that level ``l`` with a grid of
    ``S_l`` begins at the sum of the squares of the grids before it.

    Attributes:
        cells: Indices of the cells, int64, shape ``(P,)``.
        objects: Object that each cell predicts, int64, shape ``(P,)``.
    """

    cells: Tensor
    objects: Tensor


def grid_windows(
    centers: Tensor,
    half_extents: Tensor,
    num_grids: Sequence[int],
    image_size: tuple[int, int],
    *,
    clip: bool = True,
) -> Tensor:
    """Find the window of grid cells around each object's centre, for each level.

    The arithmetic (true division by the image size, then truncating division by ``1 / S``) and its order are mmdet's on
    the CPU, where an object on the edge of two cells falls on one side by its float32 rounding.

    Args:
        centers: Centres ``(x, y)`` in pixels, shape ``(N, 2)``.
        half_extents: Half width and half height of the centre region in pixels, shape ``(N, 2)``.
        num_grids: Cells along each side of the grid, per level.
        image_size: Height and width that the grid covers, in pixels.
        clip: Keep at most one cell on each side of the centre's (SOLO's 3×3).

    Returns:
        Inclusive windows ``(left, top, right, bottom)`` in cells, int64, shape ``(N, L, 4)``. A window outside
        the grid is empty: its right or bottom is before its left or top.
    """
    height, width = image_size
    size = centers.new_tensor([width, height])
    dtype = torch.promote_types(centers.dtype, half_extents.dtype)
    inverse = torch.tensor([1.0 / grid for grid in num_grids], dtype=torch.float64, device=centers.device)

    def to_cells(points: Tensor) -> Tensor:
        cell_size = inverse.to(points.dtype)[None, :, None]
        cells = torch.div((points / size.to(points.dtype))[:, None], cell_size, rounding_mode='trunc')
        return cells.long()

    last = torch.tensor(num_grids, device=centers.device)[None, :, None] - 1
    low = to_cells(centers.to(dtype) - half_extents.to(dtype)).clamp(min=0)
    high = torch.minimum(to_cells(centers.to(dtype) + half_extents.to(dtype)), last)
    if clip:
        center = to_cells(centers)
        low, high = torch.maximum(low, center - 1), torch.minimum(high, center + 1)
    return torch.cat([low, high], dim=2)


def levels_of_scales(scales: Tensor, scale_ranges: Sequence[tuple[float, float]]) -> Tensor:
    """Decide on which levels an object is learnt.

    Args:
        scales: Square roots of the box areas in pixels, shape ``(N,)``.
        scale_ranges: Inclusive lower and upper bound per level; ranges may overlap.

    Returns:
        Bool matrix, shape ``(N, L)``.
    """
    bounds = torch.tensor(scale_ranges, dtype=torch.float64, device=scales.device).reshape(-1, 2)
    # Float32 scales are compared with the bounds as float32 has them, as a comparison with a Python number does.
    bounds = bounds.to(scales.dtype)
    return (scales[:, None] >= bounds[:, 0]) & (scales[:, None] <= bounds[:, 1])


def cells_of_windows(windows: Tensor, hits: Tensor, num_grids: Sequence[int]) -> GridCells:
    """List the cells of all windows; a cell that several windows cover is listed for each of them.

    Args:
        windows: Inclusive windows ``(left, top, right, bottom)`` in cells, shape ``(N, L, 4)``.
        hits: Whether the object is learnt on the level, shape ``(N, L)``.
        num_grids: Cells along each side of the grid, per level.

    Returns:
        Candidate cells and their objects.
    """
    num_objects, num_levels = hits.shape
    device = windows.device
    extent = (windows[..., 2:] - windows[..., :2] + 1).clamp(min=0)
    counts = (extent.prod(dim=2) * hits).flatten()
    pairs = torch.arange(num_objects * num_levels, device=device).repeat_interleave(counts)
    # Position of each entry inside the window of its (object, level) pair, row by row.
    position = torch.arange(len(pairs), device=device) - (counts.cumsum(0) - counts)[pairs]
    window_width = extent.flatten(0, 1)[pairs, 0]
    corner = windows.flatten(0, 1)[pairs, :2]
    column = corner[:, 0] + position % window_width
    row = corner[:, 1] + position.div(window_width, rounding_mode='floor')
    objects, levels = pairs.div(num_levels, rounding_mode='floor'), pairs % num_levels
    grids = torch.tensor(num_grids, device=device)
    first_cell = grids.square().cumsum(0) - grids.square()
    return GridCells(first_cell[levels] + row * grids[levels] + column, objects)


def resolve_collisions(candidates: GridCells, priority: Tensor, num_cells: int) -> GridCells:
    """Give each cell to the candidate object of the highest priority.

    Args:
        candidates: Cells and objects, in any order and with repeated cells.
        priority: A permutation of ``0 .. N - 1``; of two objects in a cell the one with the greater value wins,
            shape ``(N,)``.
        num_cells: Number of cells of all levels.

    Returns:
        The positive cells, in ascending order, and their objects.
    """
    winner = torch.full((num_cells,), -1, dtype=torch.long, device=priority.device)
    winner.scatter_reduce_(0, candidates.cells, priority[candidates.objects], 'amax')
    positive = (winner >= 0).nonzero().flatten()
    object_of_priority = torch.empty_like(priority)
    object_of_priority[priority] = torch.arange(len(priority), device=priority.device)
    return GridCells(positive, object_of_priority[winner[positive]])


def split_levels(cells: Tensor, level_cells: Sequence[int]) -> list[tuple[slice, Tensor]]:
    """Split a list of cells into levels.

    Args:
        cells: Ascending cell indices, numbered over all levels, shape ``(P,)``.
        level_cells: Number of cells of each level.

    Returns:
        For each level the place of its cells in the list, and their indices within the level, shape ``(P_l,)``.
    """
    ends = torch.tensor(level_cells, device=cells.device).cumsum(0)
    bounds = [0, *torch.searchsorted(cells, ends).tolist()]
    firsts = [sum(level_cells[:level]) for level in range(len(level_cells))]
    places = [slice(low, high) for low, high in zip(bounds[:-1], bounds[1:], strict=True)]
    return [(place, cells[place] - first) for place, first in zip(places, firsts, strict=True)]


def priority_by_area(areas: Tensor) -> Tensor:
    """Rank objects so that the smaller one wins a cell; equal areas rank by annotation order.

    Args:
        areas: Object areas in pixels, shape ``(N,)``.

    Returns:
        Priorities, a permutation of ``0 .. N - 1``, shape ``(N,)``.
    """
    order = areas.argsort(descending=True, stable=True)
    priority = torch.empty_like(order)
    priority[order] = torch.arange(len(order), device=areas.device)
    return priority


def cell_centers(cells: Tensor, grid: int, size: Sequence[int]) -> Tensor:
    """Locate the centres of cells of one level.

    Args:
        cells: Indices within the level, shape ``(P,)``.
        grid: Cells along each side of the grid.
        size: Height and width that the grid covers, in pixels.

    Returns:
        Centres ``(x, y)`` in pixels, shape ``(P, 2)``.
    """
    columns, rows = cells % grid, cells.div(grid, rounding_mode='floor')
    return torch.stack([(columns + 0.5) * (size[1] / grid), (rows + 0.5) * (size[0] / grid)], dim=1)
