"""Binary masks at the stride of a mask loss."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt


def mask_targets(masks: npt.NDArray[np.uint8], stride: int) -> npt.NDArray[np.uint8]:
    """Shrink binary masks by a stride, rounding the bilinear value at one half upwards.

    mmdet resizes the mask with OpenCV's bilinear filter. For sizes that the stride divides, that filter reads four
    pixels, those at offsets ``stride / 2 - 1`` and ``stride / 2`` of each block in both directions, so the target is 1
    where at least two of them are set. Other sizes go through the same OpenCV call as in mmdet.

    Works on arrays, as data-loading workers make targets.

    Args:
        masks: Binary masks with values 0 and 1, shape ``(N, H, W)``.
        stride: Size of a target pixel in mask pixels; 1 or even.

    Returns:
        Binary targets, shape ``(N, round(H / stride), round(W / stride))``.

    Raises:
        ValueError: If the stride is odd and not 1.
    """
    if stride != 1 and stride % 2:
        raise ValueError(f'the stride of mask targets must be 1 or even, not {stride}')
    if stride == 1 or len(masks) == 0:
        height, width = masks.shape[1:]
        return masks if stride == 1 else np.zeros((0, *_target_size(height, width, stride)), np.uint8)
    if masks.shape[1] % stride or masks.shape[2] % stride:
        return _resized_by_opencv(masks, stride)
    low, high = stride // 2 - 1, stride // 2
    rows = masks[:, low::stride] + masks[:, high::stride]
    return (rows[:, :, low::stride] + rows[:, :, high::stride] >= 2).view(np.uint8)


def area_averaged_targets(masks: npt.NDArray[np.uint8], stride: int) -> npt.NDArray[np.uint8]:
    """Shrink binary masks by a stride: 1 where at least half of the target pixel is covered.

    Args:
        masks: Binary masks with values 0 and 1, shape ``(N, H, W)``; a last partial block counts as zero-padded.
        stride: Size of a target pixel in mask pixels.

    Returns:
        Binary targets, shape ``(N, ceil(H / stride), ceil(W / stride))``.
    """
    count, height, width = masks.shape
    padded = np.pad(masks, ((0, 0), (0, -height % stride), (0, -width % stride)))
    blocks = padded.reshape(count, padded.shape[1] // stride, stride, padded.shape[2] // stride, stride)
    covered = blocks.sum(axis=(2, 4), dtype=np.int32)
    return (2 * covered >= stride * stride).view(np.uint8)


def _target_size(height: int, width: int, stride: int) -> tuple[int, int]:
    # mmcv's rule for the size after rescaling.
    return int(height * (1 / stride) + 0.5), int(width * (1 / stride) + 0.5)


def _resized_by_opencv(masks: npt.NDArray[np.uint8], stride: int) -> npt.NDArray[np.uint8]:
    height, width = _target_size(masks.shape[1], masks.shape[2], stride)
    if height == 0 or width == 0:
        return np.zeros((len(masks), height, width), np.uint8)
    resized = [cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR) for mask in masks]
    return np.stack(resized).astype(np.uint8)
