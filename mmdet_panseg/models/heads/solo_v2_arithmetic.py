"""The arithmetic of the losses of mmdet's SOLOv2 head, for comparisons with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from mmdet_panseg.models.gt_objects import GTObjects
from mmdet_panseg.ops import GridCells

if TYPE_CHECKING:
    from .sparse_solo_v2_head import SparseSOLOV2Head


def loss_of_all_claims(
    loss: Callable[..., dict[str, Tensor]],
    head: SparseSOLOV2Head,
    levels: Sequence[Tensor],
    objects: Sequence[GTObjects],
    assigned: Sequence[GridCells],
    positives: Tensor,
) -> dict[str, Tensor]:
    """Compute the mask losses with a target for every object that claims a cell.

    The sum is still divided by the number of positive cells, as mmdet does: where objects collide, the result is more
    than a mean.

    Args:
        loss: A :class:`CellMaskLoss`.
        head: Finds the claims.
        levels: Aligned features, per level ``(B, C, H_l, W_l)``.
        objects: Objects per image.
        assigned: Not used; it has one object for each cell.
        positives: Number of positive cells per image, shape ``(B,)``.

    Returns:
        What ``loss`` returns.
    """
    size = tuple(side * head.level_strides[0] for side in levels[0].shape[-2:])
    claims = []
    for found in objects:
        candidates = head.assigner.candidates(found, head.num_grids, head.scale_ranges, size)
        order = candidates.cells.argsort(stable=True)
        claims.append(GridCells(candidates.cells[order], candidates.objects[order]))
    return loss(head, levels, objects, claims, positives)
