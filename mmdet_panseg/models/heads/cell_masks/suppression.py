"""How overlapping candidates of a class are suppressed."""

from __future__ import annotations

from mmdet.registry import TASK_UTILS
from torch import Tensor

from mmdet_panseg.ops import greedy_mask_nms, matrix_nms_decay


@TASK_UTILS.register_module()
class MatrixNMS:
    """Scores decay by overlap (SOLOv2, mmdet).

    Args:
        kernel: ``'gaussian'`` or ``'linear'``.
        sigma: Sharpness of the gaussian kernel.
    """

    def __init__(self, kernel: str = 'gaussian', sigma: float = 2.0) -> None:
        self.kernel = kernel
        self.sigma = sigma

    def factors(self, ious: Tensor, labels: Tensor) -> Tensor:
        """Factors of the scores, shape ``(N,)``.

        Args:
            ious: IoU of the candidates in descending order of score, shape ``(N, N)``.
            labels: Classes, shape ``(N,)``.
        """
        return matrix_nms_decay(ious, labels, kernel=self.kernel, sigma=self.sigma)


@TASK_UTILS.register_module()
class GreedyMaskNMS:
    """A candidate goes if a better one of its class overlaps it (the method's author).

    Args:
        iou_threshold: Largest overlap that both survive.
    """

    def __init__(self, iou_threshold: float = 0.5) -> None:
        self.iou_threshold = iou_threshold

    def factors(self, ious: Tensor, labels: Tensor) -> Tensor:
        """1 for the kept and 0 for the suppressed, shape ``(N,)``; arguments as for :meth:`MatrixNMS.factors`."""
        return greedy_mask_nms(ious, labels, iou_threshold=self.iou_threshold).to(ious.dtype)
