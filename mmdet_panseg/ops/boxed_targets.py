"""Mask targets at several strides, made within the boxes of the masks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt


def boxed_mask_targets(
    masks: npt.NDArray[np.uint8],
    boxes: npt.NDArray[np.floating],
    strides: Sequence[int],
    size: tuple[int, int],
    shrink: Callable[[npt.NDArray[np.uint8], int], npt.NDArray[np.uint8]],
) -> dict[int, npt.NDArray[np.uint8]]:
    """Shrink zero-padded masks by several strides, reading each one's box only.

    The targets are those of ``shrink`` for the whole padded masks, as it works on blocks of the stride's size.

    Args:
        masks: Binary masks with values 0 and 1, shape (N, H, W).
        boxes: Their tight boxes ``(x1, y1, x2, y2)`` in pixels, far sides exclusive, shape (N, 4).
        strides: Strides in pixels.
        size: Height and width of the padded masks in pixels, which every stride divides.
        shrink: :func:`~mmdet_panseg.ops.mask_targets` or :func:`~mmdet_panseg.ops.area_averaged_targets`.

    Returns:
        Binary targets (N, size[0] / stride, size[1] / stride) of each stride, uint8.
    """
    targets: dict[int, npt.NDArray[np.uint8]]
    targets = {stride: np.zeros((len(masks), size[0] // stride, size[1] // stride), np.uint8) for stride in strides}
    block = math.lcm(*strides)
    # Windows of whole blocks around the boxes.
    starts = boxes[:, :2].astype(np.int64) // block * block
    ends = -(-boxes[:, 2:].astype(np.int64) // block) * block
    for k, ((x1, y1), (x2, y2)) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        window = masks[k : k + 1, y1:y2, x1:x2]
        missing = (y2 - y1 - window.shape[1], x2 - x1 - window.shape[2])
        if any(missing):
            window = np.pad(window, ((0, 0), (0, missing[0]), (0, missing[1])))
        for stride in strides:
            part = slice(y1 // stride, y2 // stride), slice(x1 // stride, x2 // stride)
            targets[stride][k][part] = shrink(window, stride)[0]
    return targets
