"""Say early in a training which scale ranges do not fit the objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor

from mmdet_panseg.ops.grid_assignment import levels_of_scales

_RARE = 0.01


@HOOKS.register_module()
class ScaleRangesHook(Hook):
    """Compare the sizes of the first objects, as they are after augmentation, with a SOLO head's ``scale_ranges``.

    A warning names levels that no object falls into, whose grid learns nothing, and objects that no level learns. Heads
    without scale ranges are left alone.

    Args:
        num_objects: How many objects to look at.
        max_iters: After so many iterations a tenth of them is enough.
    """

    def __init__(self, num_objects: int = 200, max_iters: int = 50) -> None:
        self.num_objects = num_objects
        self.max_iters = max_iters

    def before_train(self, runner: Runner) -> None:
        """Find the head.

        Args:
            runner: The runner.
        """
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        self._ranges = getattr(getattr(model, 'mask_head', None), 'scale_ranges', None)
        self._scales: list[Tensor] = []
        self._batches = 0

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Mapping | None = None, outputs: Mapping | None = None
    ) -> None:
        """Take in the objects of a batch, and warn once there are enough.

        Args:
            runner: The runner.
            batch_idx: Number of the batch.
            data_batch: The batch.
            outputs: Losses.
        """
        if self._ranges is None or not isinstance(data_batch, Mapping):
            return
        self._batches += 1
        for sample in data_batch.get('data_samples') or ():
            boxes = sample.gt_instances.bboxes
            sides = getattr(boxes, 'tensor', boxes)[:, 2:] - getattr(boxes, 'tensor', boxes)[:, :2]
            self._scales.append(sides.prod(dim=1).sqrt().cpu())
        num = sum(map(len, self._scales))
        if num >= self.num_objects or (self._batches >= self.max_iters and 10 * num >= self.num_objects):
            for warning in doubts_about_ranges(torch.cat(self._scales), self._ranges):
                runner.logger.warning(warning)
            self._ranges = None


def doubts_about_ranges(scales: Tensor, ranges: Sequence[tuple[float, float]]) -> list[str]:
    """Say which levels have no objects, and which objects have no level.

    Args:
        scales: Square roots of the box areas of objects, shape (N,), in pixels.
        ranges: Inclusive lower and upper bound of each level, in pixels.

    Returns:
        Warnings; none if all fits.
    """
    hits = levels_of_scales(scales, ranges)
    low, high = (round(float(scales.quantile(share))) for share in (0.05, 0.95))
    sizes = f'of the first {len(scales)} objects, whose sizes (roots of box areas) are mostly {low} to {high} pixels'
    warnings = []
    empty = [
        f'{level} ({lower:g} to {upper:g})' for level, (lower, upper) in enumerate(ranges) if not hits[:, level].any()
    ]
    if empty:
        warnings.append(
            f'mask_head.scale_ranges: level {", ".join(empty)} gets none {sizes}, so that its grid learns nothing: '
            'fit the ranges to the objects, or the size of the input.'
        )
    lost = scales[~hits.any(dim=1)]
    if len(lost) > _RARE * len(scales):
        warnings.append(
            f'mask_head.scale_ranges: {len(lost)} {sizes}, fall into no range and are not learnt (one of '
            f'{float(lost[0]):.0f} pixels): let the ranges touch, and the last one reach the largest object.'
        )
    return warnings
