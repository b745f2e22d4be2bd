"""Mask targets at several strides, made within the boxes of the masks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from .mask_crops import MaskCrops


def boxed_mask_targets(
    masks: MaskCrops, strides: Sequence[int], shrink: Callable[[npt.NDArray[np.uint8], int], npt.NDArray[np.uint8]]
) -> dict[int, MaskCrops]:
    """Shrink masks by several strides, each in its window.

    In their windows the targets are those of ``shrink`` for the whole masks, zero-padded to sides that every stride
    divides, as it works on blocks of the stride's size.

    Args:
        masks: The masks.
        strides: Strides in pixels.
        shrink: :func:`~mmdet_panseg.ops.mask_targets` or :func:`~mmdet_panseg.ops.area_averaged_targets`.

    Returns:
        Targets by stride, in windows of pixels of the stride's size.
    """
    block = math.lcm(*strides)
    # Windows of whole blocks around those of the masks.
    windows = np.concatenate([masks.windows[:, :2] // block, -(-masks.windows[:, 2:] // block)], axis=1) * block
    targets: dict[int, list[npt.NDArray[np.uint8]]] = {stride: [] for stride in strides}
    for crop, (left, top, right, bottom), (x, y) in zip(
        masks.pixels, windows.tolist(), (masks.windows - windows)[:, :2].tolist(), strict=True
    ):
        padded = np.zeros((1, bottom - top, right - left), np.uint8)
        padded[0, y : y + crop.shape[0], x : x + crop.shape[1]] = crop
        for stride in strides:
            targets[stride].append(shrink(padded, stride)[0])
    return {stride: MaskCrops(own, windows // stride) for stride, own in targets.items()}
