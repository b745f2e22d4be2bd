"""Loss of the positive cells' masks, in chunks under a memory budget."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmdet_panseg.ops import GridCells, masks_per_chunk

from ..losses.negative_cells import RandomNegativeCells
from .gt_objects import GTObjects
from .mask_supervision import PerLevelSupervision

if TYPE_CHECKING:
    from .sparse_solo_head import SparseSOLOHead


class _LevelLosses(NamedTuple):
    """Losses of the masks of one image on one level, and of as many that should stay empty."""

    positive: Tensor
    negative: Tensor


class CellMaskLoss:
    """Compare the masks of positive cells with their objects.

    The mask tower runs only for those images of a level that have a positive cell on it. Full-size masks live a chunk
    at a time, in the forward and in the backward pass.

    Args:
        loss_mask: Module with mmdet's interface of losses, called with ``reduction_override='none'``.
        supervision: Resolution of the comparison.
        negatives: Draws cells whose masks are taught to stay empty, or None.
        memory_budget: Bytes for one chunk.

    Raises:
        ValueError: If the supervision gives probabilities and the loss expects logits, or the other way round.
    """

    def __init__(
        self,
        loss_mask: nn.Module,
        supervision: PerLevelSupervision,
        negatives: RandomNegativeCells | None,
        memory_budget: int,
    ) -> None:
        expects_logits = getattr(loss_mask, 'activate', True)
        if expects_logits != (supervision.resize == 'logits'):
            raise ValueError(
                f'mask_supervision.resize={supervision.resize!r} needs loss_mask.activate={not expects_logits}: '
                'the loss applies the sigmoid to logits and must not apply it to probabilities'
            )
        self.loss_mask = loss_mask
        self.supervision = supervision
        self.negatives = negatives
        self.memory_budget = memory_budget

    def __call__(
        self,
        head: 'SparseSOLOHead',
        levels: Sequence[Tensor],
        objects: Sequence[GTObjects],
        assigned: Sequence[GridCells],
        positives: Tensor,
    ) -> dict[str, Tensor]:
        """Compute the mask losses of a batch.

        Args:
            head: Gives mask features and logits.
            levels: Aligned features, per level ``(B, C, H_l, W_l)``.
            objects: Objects per image.
            assigned: Positive cells per image.
            positives: Number of positive cells per image, shape ``(B,)``.

        Returns:
            ``loss_mask`` and, with negatives, ``loss_mask_negative``.
        """
        by_level = [_split_levels(cells, head.level_cells) for cells in assigned]
        terms, images, used_levels = [], [], set()
        for level, features in enumerate(levels):
            chosen = [image for image, cells in enumerate(by_level) if len(cells[level].cells)]
            if not chosen:
                continue
            used_levels.add(level)
            everyone = len(chosen) == len(features)
            mask_features = head.mask_features(features if everyone else features[chosen])
            for image, mask_feature in zip(chosen, mask_features, strict=True):
                cells = by_level[image][level]
                terms.append(self._level_losses(head, level, features, mask_feature, cells, objects[image]))
                images.append(positives.new_full((len(cells.cells),), image))
        zero = _zero_of(head.unused_mask_parameters(used_levels), levels[0])
        per_cell = torch.cat([zero[:0], *[term.positive for term in terms]])
        image_of_cell = torch.cat([positives[:0], *images])
        losses = dict(loss_mask=head.normalizer.reduce_masks(per_cell, image_of_cell, positives) + zero.sum())
        if self.negatives:
            per_cell = torch.cat([zero[:0], *[term.negative for term in terms]])
            losses['loss_mask_negative'] = per_cell.sum() / max(1, len(per_cell))
        return losses

    def _level_losses(
        self,
        head: 'SparseSOLOHead',
        level: int,
        features: Tensor,
        mask_feature: Tensor,
        cells: GridCells,
        objects: GTObjects,
    ) -> _LevelLosses:
        stride, target_stride = head.level_strides[level], self.supervision.target_stride(head.level_strides[level])
        size = (features.shape[-2] * stride // target_stride, features.shape[-1] * stride // target_stride)
        # Cells of an object share its target.
        owners, target_of_cell = cells.objects.unique(return_inverse=True)
        targets = objects.targets(target_stride, owners, size)
        logits = head.cell_logits(mask_feature, level, cells.cells)
        positive = self._in_chunks(
            lambda part, chosen: self._compare(part, targets[chosen], size), logits, target_of_cell, size
        )
        if self.negatives is None:
            return _LevelLosses(positive, positive.new_zeros(0))
        negative_cells = self.negatives.sample(cells.cells, head.level_cells[level])
        negated = -head.cell_logits(mask_feature, level, negative_cells)
        negative = self._in_chunks(
            lambda part, _: self._compare(
                part, torch.ones(1, *size, device=part.device).expand(len(part), *size), size
            ),
            negated,
            negative_cells,
            size,
        )
        return _LevelLosses(positive, negative)

    def _compare(self, logits: Tensor, targets: Tensor, size: tuple[int, int]) -> Tensor:
        predictions = self.supervision.predictions(_at_least_float32(logits), size)
        return self.loss_mask(predictions, targets, reduction_override='none')

    def _in_chunks(
        self,
        compare: Callable[[Tensor, Tensor], Tensor],
        logits: Tensor,
        index: Tensor,
        size: tuple[int, int],
    ) -> Tensor:
        """Compare chunk by chunk; the backward pass computes a chunk's full-size masks again."""
        step = masks_per_chunk(size, self.memory_budget)
        losses = [
            checkpoint(
                compare,
                logits[start : start + step],
                index[start : start + step],
                use_reentrant=False,
                preserve_rng_state=False,
            )
            for start in range(0, len(logits), step)
        ]
        return torch.cat(losses) if losses else logits.new_zeros(0)


def _split_levels(cells: GridCells, level_cells: Sequence[int]) -> list[GridCells]:
    """Split ascending cells into levels and number them within theirs."""
    starts = [sum(level_cells[:level]) for level in range(len(level_cells) + 1)]
    bounds = torch.searchsorted(cells.cells, torch.tensor(starts, device=cells.cells.device)).tolist()
    return [
        GridCells(cells.cells[low:high] - start, cells.objects[low:high])
        for low, high, start in zip(bounds[:-1], bounds[1:], starts[:-1], strict=True)
    ]


def _zero_of(parameters: Sequence[Tensor], like: Tensor) -> Tensor:
    """One zero for each parameter, with a graph: a parameter that no loss uses still gets a gradient, of zeros.

    Without it a distributed run waits forever for the gradient of a level that has no positive cell.
    """
    zeros = [parameter.flatten()[:1] * 0 for parameter in parameters]
    return torch.cat([like.new_zeros(0), *zeros])


def _at_least_float32(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
