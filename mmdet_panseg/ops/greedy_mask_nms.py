"""Greedy non-maximum suppression of masks."""

from __future__ import annotations

import torch
from torch import Tensor


def greedy_mask_nms(ious: Tensor, labels: Tensor, *, iou_threshold: float = 0.5) -> Tensor:
    """Keep each candidate unless a kept one of its class with a better score overlaps it.

    Args:
        ious: IoU of the candidates' masks, in descending order of score, shape ``(N, N)``.
        labels: Classes of the candidates, shape ``(N,)``.
        iou_threshold: Candidates with a greater IoU are suppressed.

    Returns:
        Bool vector of the kept candidates, shape ``(N,)``.
    """
    conflicts = ((ious > iou_threshold) & (labels[:, None] == labels[None])).triu(diagonal=1).cpu()
    keep = torch.ones(len(labels), dtype=torch.bool)
    # The loop runs on the host over at most a few hundred candidates: one transfer there and one back.
    for index in range(len(labels)):
        if keep[index]:
            keep &= ~conflicts[index]
    return keep.to(ious.device)
