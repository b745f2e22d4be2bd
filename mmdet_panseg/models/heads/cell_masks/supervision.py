"""At which resolution masks are compared with their targets."""

from __future__ import annotations

from mmdet.registry import TASK_UTILS
from torch import Tensor
from torch.nn import functional as F

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

    def comparison_stride(self, level_stride: int) -> int:
        """Stride in pixels at which predictions and targets meet: that of the targets."""
        return self.target_stride(level_stride)

    def targets(self, masks: Tensor) -> Tensor:
        """Make what predictions are compared with.

        Args:
            masks: Binary masks at :meth:`target_stride`, uint8, shape ``(P, H, W)``.

        Returns:
            The masks, at :meth:`comparison_stride`.
        """
        return masks

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


@TASK_UTILS.register_module()
class FractionSupervision(CommonStrideSupervision):
    """Compare the masks of every level at one stride with the fraction of each pixel that the object covers.

    Binary masks at 1/4 lose the border: on small objects no prediction that fits them exceeds an AP of .75 at full
    size, while fractions keep it. They are averages of finer binary pixels; the loss has to use them, as cross-entropy
    does, and logits are what is resized, since they cross zero where the border is.

    Args:
        stride: The common stride in pixels of the input; a power of two.
        samples: Binary pixels along each side of a pixel of the comparison; a power of two that divides ``stride``.
    """

    def __init__(self, stride: int = 4, samples: int = 2) -> None:
        super().__init__(stride, resize='logits')
        if samples < 2 or samples & (samples - 1) or stride % samples:
            raise ValueError(
                f'FractionSupervision: samples must be a power of two that divides stride = {stride}, not {samples}'
            )
        self.samples = samples

    def target_stride(self, level_stride: int) -> int:
        """Give the stride of the binary pixels."""
        return self.stride // self.samples

    def comparison_stride(self, level_stride: int) -> int:
        """Give the common stride."""
        return self.stride

    def targets(self, masks: Tensor) -> Tensor:
        """Average the masks, arguments as in the parent; float32."""
        return F.avg_pool2d(masks[:, None].float(), self.samples)[:, 0]
