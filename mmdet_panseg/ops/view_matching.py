"""Which instances of several views of an image are one object, and what they are on average."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .view_maps import ViewMaps, maps_of_image


def match_views(
    ious: Tensor, scores: Tensor, labels: Tensor, views: Tensor, num_views: int, *, iou_threshold: float = 0.5
) -> Tensor:
    """Bring instances of a class together that different views have of one object.

    By falling score, an instance joins the object that it overlaps most among those of its class that have no instance
    of its view, or else is a new object. Overlaps are those with an object's first and best instance.

    Args:
        ious: IoU of the instances' masks in the image, shape ``(N, N)``; needed where class is equal and view is not.
        scores: Shape ``(N,)``.
        labels: Classes, shape ``(N,)``.
        views: View of each instance, int64, shape ``(N,)``.
        num_views: Number of views V.
        iou_threshold: Least overlap.

    Returns:
        Instance that each view has of an object, -1 for none, int64, shape ``(objects, V)``; objects by the falling
        score of their best instance.
    """
    overlaps, classes, owners = (tensor.cpu().numpy() for tensor in (ious, labels, views))
    members = np.full((len(scores), num_views), -1)
    founders = np.empty(len(scores), dtype=np.int64)
    count = 0
    # The loop runs on the host over at most a few hundred instances.
    for instance in scores.sort(descending=True, stable=True).indices.tolist():
        known = founders[:count]
        fits = (classes[known] == classes[instance]) & (members[:count, owners[instance]] < 0)
        found = np.where(fits, overlaps[instance, known], -1.0)
        place = int(found.argmax()) if count else 0
        if count == 0 or found[place] < iou_threshold:
            place, founders[count] = count, instance
            count += 1
        members[place, owners[instance]] = instance
    return torch.from_numpy(members[:count]).to(ious.device)


def mean_scores(scores: Tensor, members: Tensor, absence_power: float = 0.25) -> Tensor:
    """Average the scores of objects over the views that have them, and lower those that views lack.

    Args:
        scores: Of the instances, shape ``(N,)``.
        members: Instance of each view or -1, shape ``(objects, V)``.
        absence_power: Power of the share of views with the object, which the mean is multiplied by: 0 does not look at
            it, 1 is the mean over all views, with 0 for those that lack the object.

    Returns:
        Shape ``(objects,)``.
    """
    found = torch.cat([scores, scores.new_zeros(1)])[members]
    having = (members >= 0).sum(dim=1)
    return found.sum(dim=1) / having * (having / members.shape[1]) ** absence_power


def averaged_rows(rows: Tensor, members: Tensor) -> Tensor:
    """Average what instances have, such as boxes, over the views that have an object.

    Args:
        rows: Of the instances, shape ``(N, D)``.
        members: Instance of each view or -1, shape ``(objects, V)``.

    Returns:
        Shape ``(objects, D)``.
    """
    found = torch.cat([rows, rows.new_zeros(1, rows.shape[1])])[members]
    return found.sum(dim=1) / (members >= 0).sum(dim=1, keepdim=True)


def averaged_masks(
    views: Sequence[ViewMaps], members: Tensor, size: tuple[int, int], *, threshold: float, memory_budget: int
) -> Tensor:
    """Average the soft masks of objects over the views that have them, some objects at a time.

    Args:
        views: Logits or probabilities of the instances' masks; the instances of all views are numbered through.
        members: Instance of each view or -1, shape ``(objects, V)``.
        size: Height and width of the image in pixels.
        threshold: What a pixel of a mask is above on average.
        memory_budget: Bytes for one chunk.

    Returns:
        Bool masks, shape ``(objects, *size)``.
    """
    masks = torch.zeros(len(members), *size, dtype=torch.bool, device=members.device)
    step = min(view.per_chunk(size, memory_budget) for view in views)
    dtype = views[0].values.dtype if views[0].values.is_floating_point() else torch.float32
    for part, out in zip(members.split(step), masks.split(step), strict=True):
        total = torch.zeros(len(part), *size, dtype=dtype, device=members.device)
        start = 0
        for view, instances in zip(views, part.T, strict=True):
            having = (instances >= 0).nonzero().flatten()
            total.index_add_(0, having, maps_of_image(view.select(instances[having] - start), size))
            start += len(view.values)
        torch.gt(total / (part >= 0).sum(dim=1)[:, None, None], threshold, out=out)
    return masks
