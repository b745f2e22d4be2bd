"""Matrix NMS: scores decay by overlap, in parallel."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def matrix_nms_decay(ious: Tensor, labels: Tensor, *, kernel: str = 'gaussian', sigma: float = 2.0) -> Tensor:
    """Compute by how much the scores of overlapping candidates of a class decay (SOLOv2, section 3.3).

    Args:
        ious: IoU of the candidates' masks, in descending order of score, shape ``(N, N)``.
        labels: Classes of the candidates, shape ``(N,)``.
        kernel: ``'gaussian'`` or ``'linear'``.
        sigma: Sharpness of the gaussian kernel.

    Returns:
        Factors in [0, 1] to multiply the scores by, shape ``(N,)``.

    Raises:
        ValueError: If the kernel is unknown.
    """
    if kernel not in ('gaussian', 'linear'):
        raise ValueError(f"matrix NMS has the kernels 'gaussian' and 'linear', not {kernel!r}")
    same_class = (labels[:, None] == labels[None]).triu(diagonal=1)
    decay_iou = ious * same_class
    # What suppressed the suppressor: its own largest overlap with a better candidate. Here and below, one more row lets
    # there be no candidate, and changes nothing else.
    compensation = F.pad(decay_iou, (0, 0, 0, 1)).amax(dim=0)[:, None]
    if kernel == 'gaussian':
        decay = torch.exp(-sigma * decay_iou.square()) / torch.exp(-sigma * compensation.square())
    else:
        # 0 / 0 between copies of one mask says nothing; their first copy suppresses both.
        decay = ((1 - decay_iou) / (1 - compensation)).nan_to_num(nan=1.0)
    return F.pad(decay, (0, 0, 0, 1), value=1.0).amin(dim=0)
