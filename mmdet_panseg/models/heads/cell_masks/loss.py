"""Loss of the positive cells' masks, in chunks under a memory budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmdet_panseg.models.assigners import RandomNegativeCells
from mmdet_panseg.models.gt_objects import GTObjects
from mmdet_panseg.models.losses import LossNormalizer
from mmdet_panseg.ops import masks_per_chunk

from .level_masks import LevelMasks
from .mask_source import MaskSource
from .supervision import PerLevelSupervision


class CellMaskLoss:
    """Compare the masks of positive cells with their objects.

    Masks, their logits too, live a chunk at a time, in the forward and in the backward pass, which computes them again.

    Args:
        loss_mask: Module with mmdet's interface of losses, called with ``reduction_override='none'``; it takes what
            ``supervision`` gives, logits or probabilities.
        supervision: Resolution of the comparison.
        normalizer: What the losses are divided by.
        negatives: Draws cells whose masks are taught to stay empty, or None.
        memory_budget: Bytes for one chunk.
    """

    def __init__(
        self,
        loss_mask: nn.Module,
        supervision: PerLevelSupervision,
        normalizer: LossNormalizer,
        negatives: RandomNegativeCells | None,
        memory_budget: int,
    ) -> None:
        self.loss_mask = loss_mask
        self.supervision = supervision
        self.normalizer = normalizer
        self.negatives = negatives
        self.memory_budget = memory_budget

    def __call__(
        self,
        sources: Sequence[MaskSource],
        objects: Sequence[GTObjects],
        owners: Sequence[Tensor],
        positives: Tensor,
        zero: Tensor,
    ) -> dict[str, Tensor]:
        """Compute the mask losses of a batch.

        Args:
            sources: The positive cells, by level and image.
            objects: Objects per image.
            owners: Per image the object of each positive cell, in the order of the cells.
            positives: Number of positive cells per image, shape ``(B,)``.
            zero: Scalar 0 in the type of the losses, which is added to them; its graph leads to the parameters that
                have no part in any mask.

        Returns:
            ``loss_mask`` and, with negatives, ``loss_mask_negative``.
        """
        losses, negative_losses = [zero.new_zeros(0)], [zero.new_zeros(0)]
        images = [positives.new_full((len(source.cells),), source.image) for source in sources]
        for source in sources:
            negatives = self._negative_cells(source)
            masks = source.provider(torch.cat([source.cells, negatives]))
            comparison = _Comparison(self, masks, source)
            losses.append(comparison.with_objects(objects[source.image], owners[source.image][source.place]))
            if self.negatives:
                negative_losses.append(comparison.with_emptiness(negatives))
        image_of_cell = torch.cat([positives[:0], *images])
        mean = self.normalizer.reduce_masks(torch.cat(losses), image_of_cell, positives)
        result = dict(loss_mask=mean + zero)
        if self.negatives:
            result['loss_mask_negative'] = self.normalizer.mean(torch.cat(negative_losses))
        return result

    def _negative_cells(self, source: MaskSource) -> Tensor:
        return self.negatives.sample(source.cells, source.num_cells) if self.negatives else source.cells[:0]


class _Comparison:
    """Masks of one image and level beside their targets.

    Args:
        loss: Its settings.
        masks: The masks.
        source: Where they come from.
    """

    def __init__(self, loss: CellMaskLoss, masks: LevelMasks, source: MaskSource) -> None:
        self.loss = loss
        self.masks = masks
        self.cells = source.cells
        self.target_stride = loss.supervision.target_stride(source.stride)
        self.target_size = _size_at(self.target_stride, source)
        self.size = _size_at(loss.supervision.comparison_stride(source.stride), source)

    def with_objects(self, objects: GTObjects, owners: Tensor) -> Tensor:
        """Losses of the positive cells, shape ``(P,)``; ``owners`` has the object of each."""

        def compare(cells: Tensor, owners: Tensor) -> Tensor:
            # Cells of an object share its target.
            owners, target_of_cell = owners.unique(return_inverse=True)
            targets = self.loss.supervision.targets(objects.targets(self.target_stride, owners, self.target_size))
            return self._compare(self._predictions(cells), targets[target_of_cell])

        return self._in_chunks(compare, self.cells, owners)

    def with_emptiness(self, cells: Tensor) -> Tensor:
        """Losses of negative cells, shape ``(N,)``: their negated predictions against a full mask."""
        full = torch.ones(1, *self.size, device=cells.device)

        def compare(cells: Tensor) -> Tensor:
            predictions = self._predictions(cells)
            negated = -predictions if self.loss.supervision.learns_logits else 1 - predictions
            return self._compare(negated, full.expand(len(cells), -1, -1))

        return self._in_chunks(compare, cells)

    def _predictions(self, cells: Tensor) -> Tensor:
        return self.masks.compute(cells, lambda logits: self.loss.supervision.predictions(logits, self.size))

    def _compare(self, predictions: Tensor, targets: Tensor) -> Tensor:
        return self.loss.loss_mask(predictions, targets, reduction_override='none')

    def _in_chunks(self, compare: Callable[..., Tensor], *index: Tensor) -> Tensor:
        """Call ``compare`` with slices of the indices; losses, shape ``(P,)``."""
        step = masks_per_chunk(self.size, self.loss.memory_budget, copies=self.masks.copies)
        chunks = zip(*(tensor.split(step) for tensor in index), strict=True)
        losses = [checkpoint(compare, *chunk, use_reentrant=False, preserve_rng_state=False) for chunk in chunks]
        return torch.cat(losses)


def _size_at(stride: int, source: MaskSource) -> tuple[int, int]:
    height, width = (side * source.stride // stride for side in source.size)
    return height, width
