"""Assignment of objects to the grid cells around their centres."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmdet.registry import TASK_UTILS
from torch import Tensor

from mmdet_panseg.models.gt_objects import GTObjects
from mmdet_panseg.ops import (
    GridCells,
    cells_of_windows,
    grid_windows,
    levels_of_scales,
    priority_by_area,
    resolve_collisions,
)


@TASK_UTILS.register_module()
class SOLOGridAssigner:
    """Make the cells around each object's centre positive (SOLO, section 3.3.1).

    The defaults are mmdet's. The method's author ran ``center='box', clip=False, collision='area', grid='unpadded'`` at
    first and found the centre of mass and the padded grid to be better.

    Args:
        center: ``'mass'``, the mask's centre of mass, or ``'box'``, the middle of the box.
        pos_scale: Width and height of the centre region as a share of the box.
        clip: Keep at most one cell on each side of the centre's.
        collision: Who gets a cell that two objects claim: ``'annotation'``, the one listed later, or ``'area'``, the
            smaller one.
        grid: What the grid is laid over to find the cells: ``'padded'``, the batch's input as the network sees it, or
            ``'unpadded'``, the image alone.
    """

    def __init__(
        self,
        center: str = 'mass',
        pos_scale: float = 0.2,
        clip: bool = True,
        collision: str = 'annotation',
        grid: str = 'padded',
    ) -> None:
        for name, value, choices in [
            ('center', center, ('mass', 'box')),
            ('collision', collision, ('annotation', 'area')),
            ('grid', grid, ('padded', 'unpadded')),
        ]:
            if value not in choices:
                raise ValueError(f'{type(self).__name__}: {name} must be one of {choices}, not {value!r}')
        self.center = center
        self.pos_scale = pos_scale
        self.clip = clip
        self.collision = collision
        self.grid = grid

    def assign(
        self,
        objects: GTObjects,
        num_grids: Sequence[int],
        scale_ranges: Sequence[tuple[float, float]],
        padded_size: tuple[int, int],
        image_size: tuple[int, int],
    ) -> GridCells:
        """Assign the objects of one image.

        Args:
            objects: The image's ``N`` objects.
            num_grids: Cells along each side of the grid, per level.
            scale_ranges: Square roots of box areas that each level learns, in pixels.
            padded_size: Height and width of the network's input in pixels.
            image_size: Height and width of the image in it.

        Returns:
            Positive cells in ascending order, numbered over all levels, and their objects.
        """
        candidates = self.candidates(
            objects, num_grids, scale_ranges, padded_size if self.grid == 'padded' else image_size
        )
        return resolve_collisions(candidates, self.priority(objects), sum(grid * grid for grid in num_grids))

    def candidates(
        self,
        objects: GTObjects,
        num_grids: Sequence[int],
        scale_ranges: Sequence[tuple[float, float]],
        size: tuple[int, int],
    ) -> GridCells:
        """List the cells that each object claims; arguments as in :meth:`assign`."""
        hits = self.hits(objects, scale_ranges)
        half_extents = 0.5 * (objects.boxes[:, 2:] - objects.boxes[:, :2]) * self.pos_scale
        windows = grid_windows(self.centers(objects), half_extents, num_grids, size, clip=self.clip)
        return cells_of_windows(windows, hits, num_grids)

    def hits(self, objects: GTObjects, scale_ranges: Sequence[tuple[float, float]]) -> Tensor:
        """Tell which objects each level learns, shape ``(N, L)``; an object without a pixel is learnt nowhere."""
        extents = objects.boxes[:, 2:] - objects.boxes[:, :2]
        scales = torch.sqrt(extents[:, 0] * extents[:, 1])
        return levels_of_scales(scales, scale_ranges) & (objects.areas > 0)[:, None]

    def centers(self, objects: GTObjects) -> Tensor:
        """Centres ``(x, y)`` in pixels, shape ``(N, 2)``."""
        if self.center == 'mass':
            return objects.centers
        return (objects.boxes[:, :2] + objects.boxes[:, 2:]) / 2

    def priority(self, objects: GTObjects) -> Tensor:
        """Rank the objects; the greater value wins a cell, shape ``(N,)``."""
        if self.collision == 'area':
            return priority_by_area(objects.areas)
        return torch.arange(len(objects.areas), device=objects.areas.device)
