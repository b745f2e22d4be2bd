"""Pairwise overlaps of binary masks."""

from __future__ import annotations

import torch
from torch import Tensor

from .mask_geometry import boxes_from_masks

_PIXELS_PER_BLOCK = 16384


def mask_intersections(masks: Tensor) -> Tensor:
    """Count the pixels that each pair of masks shares.

    The masks are converted to float32 a block of pixels at a time, which bounds the memory; counts below 2²⁴ are exact.

    Args:
        masks: Bool masks, shape ``(N, H, W)``.

    Returns:
        Counts, float32, shape ``(N, N)``.
    """
    flat = masks.flatten(1)
    counts = torch.zeros(len(flat), len(flat), device=flat.device)
    for start in range(0, flat.shape[1], _PIXELS_PER_BLOCK):
        block = flat[:, start : start + _PIXELS_PER_BLOCK].float()
        counts.addmm_(block, block.T)
    return counts


def iou_from_intersections(intersections: Tensor, areas: Tensor) -> Tensor:
    """Turn intersections into intersections over union.

    Args:
        intersections: Shape ``(N, N)``.
        areas: Mask areas in pixels, shape ``(N,)``, all above zero.

    Returns:
        IoU, shape ``(N, N)``.
    """
    return intersections / (areas[None] + areas[:, None] - intersections)


def chosen_ious(masks: Tensor, pairs: Tensor) -> Tensor:
    """Compute the IoU of chosen pairs of masks, where few pairs matter and masks are large.

    Pairs are compared where their boxes overlap.

    Args:
        masks: Bool masks, shape ``(N, H, W)``.
        pairs: Bool, shape ``(N, N)``; a pair is chosen if either of its two places is set.

    Returns:
        IoU of the chosen pairs of different masks at both places, 0 at all others, float32, shape ``(N, N)``.
    """
    ious = torch.zeros(pairs.shape, device=masks.device)
    boxes = boxes_from_masks(masks)
    near, far = boxes[:, :2], boxes[:, 2:]
    overlap = (torch.minimum(far[:, None], far) > torch.maximum(near[:, None], near)).all(dim=2)
    rows, columns = ((pairs | pairs.T) & overlap).triu(diagonal=1).nonzero(as_tuple=True)
    if len(rows) == 0:
        return ious
    table = boxes.long().tolist()
    shared = []
    for one, other in zip(rows.tolist(), columns.tolist(), strict=True):
        (x1, y1, x2, y2), (x3, y3, x4, y4) = table[one], table[other]
        window = slice(max(y1, y3), min(y2, y4)), slice(max(x1, x3), min(x2, x4))
        shared.append((masks[one][window] & masks[other][window]).count_nonzero())
    intersections = torch.stack(shared)
    areas = masks.flatten(1).sum(dim=1)
    found = intersections / (areas[rows] + areas[columns] - intersections)
    ious[rows, columns] = found
    ious[columns, rows] = found
    return ious


def best_class_ious(masks: Tensor, objects: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """Find how well each mask fits the best object of each class.

    Args:
        masks: Bool masks, shape ``(P, H, W)``.
        objects: Bool masks of the objects, shape ``(N, H, W)``.
        labels: Classes of the objects, int64, shape ``(N,)``.
        num_classes: Number of classes K.

    Returns:
        Greatest IoU with an object of the class, 0 if there is none, float32, shape ``(P, K)``.
    """
    flat, of_objects = masks.flatten(1).float(), objects.flatten(1).float()
    intersections = flat @ of_objects.T
    unions = flat.sum(dim=1)[:, None] + of_objects.sum(dim=1) - intersections
    ious = intersections / unions.clamp(min=1)
    best = ious.new_zeros(len(masks), num_classes)
    return best.scatter_reduce_(1, labels.expand(len(masks), -1), ious, 'amax')
