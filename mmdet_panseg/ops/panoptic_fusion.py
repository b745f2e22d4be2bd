"""Fusion of instances and a semantic map into one panoptic map."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .map_values import INSTANCE_OFFSET
from .mask_geometry import boxes_from_masks


class PanopticSegments(NamedTuple):
    """The ``R`` segments of a panoptic map: things by falling score, then stuff by label.

    Attributes:
        values: Value of the segment's pixels, int64, shape ``(R,)``.
        labels: Classes, int64, shape ``(R,)``.
        scores: Scores of things, NaN for stuff, shape ``(R,)``.
        areas: Number of pixels, int64, shape ``(R,)``.
        boxes: Tight boxes ``(x1, y1, x2, y2)``, far sides exclusive, int64, shape ``(R, 4)``.
    """

    values: Tensor
    labels: Tensor
    scores: Tensor
    areas: Tensor
    boxes: Tensor


def fuse_panoptic(
    masks: Tensor,
    scores: Tensor,
    labels: Tensor,
    semantic_map: Tensor,
    *,
    num_things: int,
    num_stuff: int,
    score_thr: float = 0.0,
    min_visible: float = 0.5,
    min_thing_area: int = 0,
    min_stuff_area: int = 0,
    min_agreement: float = 0.0,
    unclaimed: str = 'void',
    stuff_map: Tensor | None = None,
) -> tuple[Tensor, PanopticSegments]:
    """Give each pixel to one segment (the heuristic of Panoptic FPN, Kirillov et al. 2019, and mmdet).

    Instances take pixels by falling score, of equal scores the earlier one first. Each takes those of its pixels that
    are still free, or none if too few of them are free. What is left is filled with stuff by the semantic map.

    An instance with the label of a stuff class (an island that was learnt as an instance) takes its pixels for the
    stuff segment of its class, so that islands become one segment again.

    One pass over the masks finds their boxes; all else happens inside them. The device is waited for a constant
    number of times, whatever the number of instances.

    Args:
        masks: Bool masks, shape ``(N, H, W)``.
        scores: Shape ``(N,)``.
        labels: Classes, int64, shape ``(N,)``; things are ``0..num_things-1``, then comes stuff.
        semantic_map: Most probable class of each pixel, integers, shape ``(H, W)``. A value that is no class counts as
            an unknown thing.
        num_things: Number of thing classes.
        num_stuff: Number of stuff classes.
        score_thr: Instances below this score are dropped.
        min_visible: An instance is dropped if a smaller fraction of its mask is free.
        min_thing_area: An instance is dropped if fewer pixels of it are free.
        min_stuff_area: A stuff segment with fewer pixels becomes void.
        min_agreement: An instance is dropped, before others are hidden by it, if the semantic map has the instance's
            class in a smaller fraction of its mask. 0 trusts the instances.
        unclaimed: What becomes of a pixel where the semantic map has a thing and no instance took it: ``'void'``, or
            ``'stuff'`` for the class in ``stuff_map``.
        stuff_map: Most probable stuff class of each pixel, integers ``num_things..num_things+num_stuff-1``, shape
            ``(H, W)``; needed for ``unclaimed='stuff'``.

    Returns:
        Panoptic map, int64, shape ``(H, W)``, and its segments. Values are ``label + 1000 * k`` with ``k = 1, 2, ...``
        over all things of the image by falling score, without an upper limit, and 0 for stuff; void is
        ``num_things + num_stuff``.

    Raises:
        ValueError: If there are more than 999 classes, which ``label + 1000 * k`` has no room for, ``unclaimed`` is
            unknown, or ``stuff_map`` is missing.
    """
    if num_things + num_stuff >= INSTANCE_OFFSET:
        raise ValueError(f'panoptic maps have room for {INSTANCE_OFFSET - 1} classes, not {num_things + num_stuff}')
    order = scores.sort(descending=True, stable=True).indices
    segment_map = torch.full(semantic_map.shape, -1, dtype=torch.int32, device=masks.device)
    for index, label, (x1, y1, x2, y2) in _eligible(masks, scores, labels, order, score_thr):
        segment = index if label < num_things else len(masks) + label - num_things
        window = slice(y1, y2), slice(x1, x2)
        agreeing = (semantic_map[window] == label) if min_agreement > 0 else None
        _claim(segment_map[window], masks[index][window], agreeing, segment, min_visible, min_thing_area, min_agreement)
    stuff = _stuff_labels(semantic_map, stuff_map, unclaimed, num_things, num_stuff)
    segment_map = torch.where(segment_map < 0, stuff + (len(masks) - num_things), segment_map)
    return _describe(segment_map, scores, labels, order, num_things, num_stuff, min_stuff_area)


def _eligible(
    masks: Tensor, scores: Tensor, labels: Tensor, order: Tensor, score_thr: float
) -> list[tuple[int, int, list[int]]]:
    """Index, label and box of the instances that have pixels and a sufficient score, by falling score."""
    boxes = boxes_from_masks(masks).long()
    table = torch.cat([order[:, None], labels[order, None], (scores >= score_thr)[order, None], boxes[order]], dim=1)
    # The only transfer that grows with the instances: a table of integers, once.
    return [(index, label, box) for index, label, good, *box in table.tolist() if good and box[2] > 0]


def _claim(
    segment_map: Tensor,
    mask: Tensor,
    agreeing: Tensor | None,
    segment: int,
    min_visible: float,
    min_area: int,
    min_agreement: float,
) -> None:
    """Let an instance take its free pixels of a window in place; the decision is taken on the device.

    Args:
        segment_map: Number of the segment that has the pixel, -1 for free ones, shape ``(h, w)``.
        mask: Mask of the instance, not empty, shape ``(h, w)``.
        agreeing: Pixels with its class in the semantic map, shape ``(h, w)``, or None if that does not matter.
        segment: Number to write.
        min_visible: Least fraction of the mask that must be free.
        min_area: Least number of free pixels.
        min_agreement: Least fraction of the mask that agrees.
    """
    visible = mask & (segment_map < 0)
    area, visible_area = mask.count_nonzero(), visible.count_nonzero()
    keep = (visible_area / area >= min_visible) & (visible_area >= min_area)
    if agreeing is not None:
        keep &= (mask & agreeing).count_nonzero() / area >= min_agreement
    segment_map.masked_fill_(visible & keep, segment)


def _stuff_labels(
    semantic_map: Tensor, stuff_map: Tensor | None, unclaimed: str, num_things: int, num_stuff: int
) -> Tensor:
    """Label of the stuff to fill each pixel with, or of void, int64, shape ``(H, W)``."""
    if unclaimed not in ('void', 'stuff'):
        raise ValueError(f"unclaimed must be 'void' or 'stuff', not {unclaimed!r}")
    void = num_things + num_stuff
    semantic_map = semantic_map.long()
    is_stuff = (semantic_map >= num_things) & (semantic_map < void)
    if unclaimed == 'void':
        return semantic_map.masked_fill(~is_stuff, void)
    if stuff_map is None:
        raise ValueError("unclaimed='stuff' needs stuff_map, the best stuff class of each pixel")
    return torch.where(is_stuff, semantic_map, stuff_map.long())


def _describe(
    segment_map: Tensor,
    scores: Tensor,
    labels: Tensor,
    order: Tensor,
    num_things: int,
    num_stuff: int,
    min_stuff_area: int,
) -> tuple[Tensor, PanopticSegments]:
    """Turn numbers of segments (instances, stuff classes, void) into values of the panoptic map."""
    num_instances, void = len(scores), num_things + num_stuff
    last = num_instances + num_stuff
    areas = segment_map.flatten().bincount(minlength=last + 1)[:last]
    present = areas > 0
    present[num_instances:] &= areas[num_instances:] >= min_stuff_area

    stuff_labels = torch.arange(num_things, void, device=labels.device)
    all_labels = torch.cat([labels, stuff_labels])
    numbers = torch.zeros_like(all_labels)
    numbers[order] = present[order].cumsum(0)
    values = torch.where(present, all_labels + INSTANCE_OFFSET * numbers, void)
    panoptic_map = torch.cat([values, values.new_tensor([void])])[segment_map]

    rows = torch.cat([order, stuff_labels - num_things + num_instances])
    rows = rows[present[rows]]
    all_scores = torch.cat([scores, scores.new_full((num_stuff,), torch.nan)])
    boxes = _segment_boxes(segment_map, last + 1)
    return panoptic_map, PanopticSegments(values[rows], all_labels[rows], all_scores[rows], areas[rows], boxes[rows])


def _segment_boxes(segment_map: Tensor, num_segments: int) -> Tensor:
    """Tight boxes of the segments numbered ``0..num_segments-1``, int64, shape ``(num_segments, 4)``."""
    height, width = segment_map.shape
    sides = []
    for length, position in (
        (width, torch.arange(width, device=segment_map.device)),
        (height, torch.arange(height, device=segment_map.device)[:, None]),
    ):
        occupied = torch.zeros(num_segments * length, dtype=torch.bool, device=segment_map.device)
        occupied.index_fill_(0, (segment_map * length + position).flatten(), True)
        # A mask of one row has the extent of the segment as its box.
        sides.append(boxes_from_masks(occupied.view(num_segments, 1, length))[:, 0::2])
    return torch.stack(sides, dim=2).flatten(1).long()
