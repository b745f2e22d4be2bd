"""Classes of instances by a vote of the semantic map's pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from .mask_geometry import boxes_from_masks


def majority_labels(
    masks: Tensor, labels: Tensor, semantic_map: Tensor, *, num_things: int, min_vote: float = 0.5
) -> Tensor:
    """Give each instance the thing class that most of its pixels have (majority voting, Cheng et al. 2020, §3.2).

    Panoptic-DeepLab votes for instances without a class. Here they have one, which stays where the vote is weak: the
    semantic map may see stuff there, or a bit of everything.

    Args:
        masks: Bool masks, shape ``(N, H, W)``.
        labels: Classes, int64, shape ``(N,)``; labels of stuff (islands that were learnt as instances) stay.
        semantic_map: Most probable class of each pixel, integers, shape ``(H, W)``.
        num_things: Number of thing classes, which come first.
        min_vote: Least fraction of the mask that the winning class needs; above 0. Of equal classes the instance's own
            wins, then the first.

    Returns:
        Labels, int64, shape ``(N,)``.

    Raises:
        ValueError: If ``min_vote`` is not above 0 and at most 1.
    """
    if not 0 < min_vote <= 1:
        raise ValueError(f'min_vote is a fraction of the mask above 0 and up to 1, not {min_vote}')
    if num_things == 0 or len(masks) == 0:
        return labels
    no_vote = num_things
    ballots = torch.where((semantic_map >= 0) & (semantic_map < num_things), semantic_map.long(), no_vote)
    counts = []
    for mask, (x1, y1, x2, y2) in zip(masks, boxes_from_masks(masks).long().tolist(), strict=True):
        window = slice(y1, y2), slice(x1, x2)
        counts.append(ballots[window][mask[window]].bincount(minlength=num_things + 1))
    all_counts = torch.stack(counts)
    votes, areas = all_counts[:, :num_things], all_counts.sum(dim=1)
    is_own = labels[:, None] == torch.arange(num_things, device=labels.device)
    winners = (2 * votes + is_own).argmax(dim=1)
    fractions = votes.gather(1, winners[:, None])[:, 0] / areas.clamp(min=1)
    return torch.where((fractions >= min_vote) & (labels < num_things), winners, labels)
