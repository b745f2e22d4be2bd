"""At which resolution masks are compared with their targets."""

from __future__ import annotations

from mmdet.registry import TASK_UTILS
from torch import Tensor

from mmdet_panseg.ops import resize_masks

RESIZED = ('logits', 'probabilities')


@TASK_UTILS.register_module()
class PerLevelSupervision:
    """Compare each level's masks at half its own stride (mmdet, and the author's "ml" rung).

    Args:
        resize: Whether ``'logits'`` or ``'probabilities'`` are resized from the level's stride, in training and in
            testing; default mmdet's mixture: logits in training, probabilities in testing.
    """

    def __init__(self, resize: str | None = None) -> None:
        if resize not in (None, *RESIZED):
            raise ValueError(f"{type(self).__name__}: resize must be 'logits' or 'probabilities', not {resize!r}")
        self.learns_logits = resize != 'probabilities'
        self.test_resize = resize or 'probabilities'

    def target_stride(self, level_stride: int) -> int:
        """Stride in pixels at which a level of the given stride is supervised."""
        return max(1, level_stride // 2)

    def predictions(self, logits: Tensor, size: tuple[int, int]) -> Tensor:
        """Bring the logits of masks to the size of their targets.

        Args:
            logits: Shape ``(P, h, w)``.
            size: Height and width of the targets.

        Returns:
            Logits, or probabilities if these are what is resized, shape ``(P, *size)``.
        """
        return resize_masks(logits if self.learns_logits else logits.sigmoid(), size)


@TASK_UTILS.register_module()
class CommonStrideSupervision(PerLevelSupervision):
    """Compare the masks of every level at one stride.

    The 24.5 rung of the author's ladder does so at 1/4 of the input, "match-v4" at 1/2.

    Args:
        stride: The common stride in pixels of the input; a power of two.
        resize: As in :class:`PerLevelSupervision`.
    """

    def __init__(self, stride: int = 4, resize: str | None = None) -> None:
        super().__init__(resize)
        if stride < 1 or stride & (stride - 1):
            raise ValueError(f'CommonStrideSupervision: stride must be a power of two, not {stride}')
        self.stride = stride

    def target_stride(self, level_stride: int) -> int:
        """Give the common stride."""
        return self.stride
