"""Positive cells taken from the down-sampled mask."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmdet.registry import TASK_UTILS
from torch.nn import functional as F

from mmdet_panseg.models.gt_objects import GTObjects
from mmdet_panseg.ops import GridCells

from .solo_grid_assigner import SOLOGridAssigner


@TASK_UTILS.register_module()
class MaskCellAssigner(SOLOGridAssigner):
    """Also make those cells positive that the object's mask covers.

    The wider positive cells of the rung that its author calls "soloassign_mk"; the cells around the centre stay
    positive, so that a thin object keeps at least one.

    Args:
        coverage: Share of a cell that the mask must cover, in (0, 1].
        stride: Stride of the mask that is averaged over the cells, in pixels; one that the mask targets are made at.
        **kwargs: Arguments of :class:`SOLOGridAssigner`.
    """

    def __init__(self, coverage: float = 0.5, stride: int = 4, **kwargs) -> None:
        super().__init__(**kwargs)
        if not 0 < coverage <= 1:
            raise ValueError(f'MaskCellAssigner: coverage must lie in (0, 1], not {coverage}')
        self.coverage = coverage
        self.stride = stride
        self.target_strides = (stride,)

    def candidates(
        self,
        objects: GTObjects,
        num_grids: Sequence[int],
        scale_ranges: Sequence[tuple[float, float]],
        size: tuple[int, int],
    ) -> GridCells:
        """List the cells around the centres and those under the masks; arguments as in :meth:`assign`."""
        around = super().candidates(objects, num_grids, scale_ranges, size)
        hits = self.hits(objects, scale_ranges)
        cells, owners, first_cell = [around.cells], [around.objects], 0
        for level, grid in enumerate(num_grids):
            learnt = hits[:, level].nonzero().flatten()
            target_size = (size[0] // self.stride, size[1] // self.stride)
            for some, masks in objects.target_chunks(self.stride, learnt, target_size):
                covered = F.adaptive_avg_pool2d(masks.float(), grid).flatten(1) >= self.coverage
                index, cell = covered.nonzero(as_tuple=True)
                cells.append(cell + first_cell)
                owners.append(some[index])
            first_cell += grid * grid
        return GridCells(torch.cat(cells), torch.cat(owners))
