"""Random cells whose mask should stay empty."""

from __future__ import annotations

import torch
from mmdet.registry import TASK_UTILS
from torch import Tensor


@TASK_UTILS.register_module()
class RandomNegativeCells:
    """Draw cells without an object, so many for each positive one.

    The negated prediction of such a cell is compared with a full mask (the author's rung "1:1 negative masks").

    Args:
        ratio: Negatives for each positive.
    """

    def __init__(self, ratio: float = 1.0) -> None:
        if ratio <= 0:
            raise ValueError(f'RandomNegativeCells: ratio must be above 0, not {ratio}')
        self.ratio = ratio

    def sample(self, positives: Tensor, num_cells: int) -> Tensor:
        """Draw from the cells of one level.

        Args:
            positives: Indices of the positive cells, shape ``(P,)``.
            num_cells: Number of cells of the level.

        Returns:
            Indices of distinct negative cells, at most ``ratio * P``.
        """
        negative = torch.ones(num_cells, dtype=torch.bool, device=positives.device)
        negative[positives] = False
        candidates = negative.nonzero().flatten()
        order = torch.randperm(len(candidates), device=positives.device)
        return candidates[order[: round(self.ratio * len(positives))]]
