"""Loss of the positive cells' masks, in chunks under a memory budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmdet_panseg.models.assigners.random_negative_cells import RandomNegativeCells
from mmdet_panseg.models.gt_objects import GTObjects
from mmdet_panseg.ops import GridCells, level_bounds, masks_per_chunk

from .level_masks import LevelMasks
from .supervision import PerLevelSupervision

if TYPE_CHECKING:
    from mmdet_panseg.models.heads.sparse_solo_head import SparseSOLOHead


class _Resolution(NamedTuple):
    """Where the masks of a level are compared with targets.

    Attributes:
        stride: Size of a target pixel in pixels of the input.
        size: Height and width of the targets.
    """

    stride: int
    size: tuple[int, int]


class CellMaskLoss:
    """Compare the masks of positive cells with their objects.

    The mask tower runs only for those images of a level that have a positive cell on it. Masks, their logits too, live
    a chunk at a time, in the forward and in the backward pass, which computes them again.

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
        head: SparseSOLOHead,
        levels: Sequence[Tensor],
        objects: Sequence[GTObjects],
        assigned: Sequence[GridCells],
        positives: Tensor,
    ) -> dict[str, Tensor]:
        """Compute the mask losses of a batch.

        Args:
            head: Gives mask features and masks.
            levels: Aligned features, per level ``(B, C, H_l, W_l)``.
            objects: Objects per image.
            assigned: Positive cells per image.
            positives: Number of positive cells per image, shape ``(B,)``.

        Returns:
            ``loss_mask`` and, with negatives, ``loss_mask_negative``.
        """
        by_level = [_split_levels(cells, head.level_cells) for cells in assigned]
        losses, negative_losses, images, used_levels = [], [], [], set()
        for level in range(len(levels)):
            wanted = [image for image, cells in enumerate(by_level) if len(cells[level].cells)]
            for image, features in head.mask_features_of(levels, level, wanted).items():
                cells = by_level[image][level]
                negatives = self._negative_cells(cells.cells, head.level_cells[level])
                masks = head.level_masks(features, level, torch.cat([cells.cells, negatives]))
                resolution = self._resolution(head.level_strides[level], levels[level])
                losses.append(self._positive_losses(masks, cells, objects[image], resolution))
                images.append(positives.new_full((len(cells.cells),), image))
                if self.negatives:
                    negative_losses.append(self._negative_losses(masks, negatives, resolution))
                used_levels.add(level)
        zero = _zero_of(head.unused_mask_parameters(used_levels), levels[0])
        per_cell, image_of_cell = torch.cat([zero[:0], *losses]), torch.cat([positives[:0], *images])
        result = dict(loss_mask=head.normalizer.reduce_masks(per_cell, image_of_cell, positives) + zero.sum())
        if self.negatives:
            result['loss_mask_negative'] = head.normalizer.mean(torch.cat([zero[:0], *negative_losses]))
        return result

    def _negative_cells(self, positives: Tensor, num_cells: int) -> Tensor:
        return self.negatives.sample(positives, num_cells) if self.negatives else positives[:0]

    def _resolution(self, level_stride: int, features: Tensor) -> _Resolution:
        stride = self.supervision.target_stride(level_stride)
        height, width = (side * level_stride // stride for side in features.shape[-2:])
        return _Resolution(stride, (height, width))

    def _positive_losses(
        self, masks: LevelMasks, cells: GridCells, objects: GTObjects, resolution: _Resolution
    ) -> Tensor:
        # Cells of an object share its target.
        owners, target_of_cell = cells.objects.unique(return_inverse=True)
        targets = objects.targets(resolution.stride, owners, resolution.size)

        def compare(cells: Tensor, target_of_cell: Tensor) -> Tensor:
            return self._compare(self._predictions(masks, cells, resolution), targets[target_of_cell])

        return self._in_chunks(compare, masks, resolution, cells.cells, target_of_cell)

    def _negative_losses(self, masks: LevelMasks, cells: Tensor, resolution: _Resolution) -> Tensor:
        full = torch.ones(1, *resolution.size, device=cells.device)

        def compare(cells: Tensor) -> Tensor:
            predictions = self._predictions(masks, cells, resolution)
            negated = -predictions if self.supervision.resize == 'logits' else 1 - predictions
            return self._compare(negated, full.expand(len(cells), -1, -1))

        return self._in_chunks(compare, masks, resolution, cells)

    def _predictions(self, masks: LevelMasks, cells: Tensor, resolution: _Resolution) -> Tensor:
        return masks.compute(cells, lambda logits: self.supervision.predictions(logits, resolution.size))

    def _compare(self, predictions: Tensor, targets: Tensor) -> Tensor:
        return self.loss_mask(predictions, targets, reduction_override='none')

    def _in_chunks(
        self, compare: Callable[..., Tensor], masks: LevelMasks, resolution: _Resolution, *index: Tensor
    ) -> Tensor:
        """Call ``compare`` with slices of the indices; losses, shape ``(P,)``."""
        step = masks_per_chunk(resolution.size, self.memory_budget, copies=masks.copies)
        chunks = zip(*(tensor.split(step) for tensor in index), strict=True)
        losses = [checkpoint(compare, *chunk, use_reentrant=False, preserve_rng_state=False) for chunk in chunks]
        return torch.cat(losses)


def _split_levels(cells: GridCells, level_cells: Sequence[int]) -> list[GridCells]:
    """Split ascending cells into levels and number them within theirs."""
    bounds = level_bounds(cells.cells, level_cells)
    starts = [sum(level_cells[:level]) for level in range(len(level_cells))]
    return [
        GridCells(cells.cells[low:high] - start, cells.objects[low:high])
        for low, high, start in zip(bounds[:-1], bounds[1:], starts, strict=True)
    ]


def _zero_of(parameters: Sequence[Tensor], like: Tensor) -> Tensor:
    """One zero for each parameter, with a graph: a parameter that no loss uses still gets a gradient, of zeros.

    Without it a distributed run waits forever for the gradient of a level that has no positive cell.
    """
    zeros = [parameter.flatten()[:1] * 0 for parameter in parameters]
    return torch.cat([like.new_zeros(0), *zeros])
