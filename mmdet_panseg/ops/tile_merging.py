"""Instances that several tiles of an image see become one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_masks

from .rle import RLE, rle_intersection

Box = tuple[int, int, int, int]


class TileInstances(NamedTuple):
    """What was found in the tiles of an image, N instances in all.

    Attributes:
        masks: N masks in the whole image, COCO's RLE, none of them empty.
        scores: Shape ``(N,)``.
        labels: Classes, shape ``(N,)``.
        tiles: Index of the tile that each was seen in, shape ``(N,)``.
    """

    masks: Sequence[RLE]
    scores: npt.NDArray[np.floating]
    labels: npt.NDArray[np.integer]
    tiles: npt.NDArray[np.integer]


class MergedInstances(NamedTuple):
    """Instances of a whole image, by falling score; attributes as :class:`TileInstances` has them."""

    masks: list[RLE]
    scores: npt.NDArray[np.floating]
    labels: npt.NDArray[np.integer]


def merge_tile_instances(found: TileInstances, windows: Sequence[Box], min_overlap: float = 0.5) -> MergedInstances:
    """Join what overlapping tiles see of the same objects.

    Two instances of one class and different tiles are one object if, of what both tiles see, they share enough: their
    intersection is at least ``min_overlap`` of the smaller of their parts there. Pairs that agree best are joined
    first. Two instances of the same tile never become one, also not by way of a third: in its tile a model has told
    them apart.

    Args:
        found: What was found.
        windows: Boxes (x1, y1, x2, y2) of the tiles in pixels of the image.
        min_overlap: See above.

    Returns:
        The objects, each with the union of its masks and the best of its scores.
    """
    groups = _join(_overlapping_pairs(found, windows, min_overlap), found.tiles)
    best = [max(group, key=lambda index: (found.scores[index], -index)) for group in groups]
    order = sorted(range(len(groups)), key=lambda place: (-found.scores[best[place]], best[place]))
    masks = [_union([found.masks[index] for index in groups[place]]) for place in order]
    chosen = [best[place] for place in order]
    return MergedInstances(masks, np.asarray(found.scores)[chosen], np.asarray(found.labels)[chosen])


def _union(masks: list[RLE]) -> RLE:
    return masks[0] if len(masks) == 1 else coco_masks.merge(masks)


def _overlapping_pairs(
    found: TileInstances, windows: Sequence[Box], min_overlap: float
) -> list[tuple[float, int, int]]:
    """Agreement of each pair that may be one object: the IoU of what both tiles see."""
    boxes = np.array([coco_masks.toBbox(mask) for mask in found.masks]).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    by_tile: dict[int, list[int]] = defaultdict(list)
    for index, tile in enumerate(found.tiles):
        by_tile[int(tile)].append(index)
    pairs: list[tuple[float, int, int]] = []
    for tile, other, strip in _neighbours(windows, by_tile):
        here, there = (
            _parts_in(strip, [(index, found.masks[index]) for index in by_tile[k]], boxes) for k in (tile, other)
        )
        for one, part in here.items():
            for two, counterpart in there.items():
                if found.labels[one] == found.labels[two] and _touch(boxes[one], boxes[two]):
                    shared = rle_intersection(part, counterpart)
                    areas = int(coco_masks.area(part)), int(coco_masks.area(counterpart))
                    if shared > 0 and shared >= min_overlap * min(areas):
                        pairs.append((shared / (sum(areas) - shared), one, two))
    return sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2]))


def _neighbours(windows: Sequence[Box], tiles: Any) -> list[tuple[int, int, Box]]:
    """Pairs of tiles with instances that overlap, and the box of what both see."""
    places = np.array(sorted(tiles), int)
    corners = np.array([windows[tile] for tile in places]).reshape(-1, 4)
    pairs = []
    for index, tile in enumerate(places.tolist()):
        near, far = np.maximum(corners[index, :2], corners[:, :2]), np.minimum(corners[index, 2:], corners[:, 2:])
        for other in np.flatnonzero((far > near).all(axis=1)).tolist():
            if other > index:
                strip = (*near[other].tolist(), *far[other].tolist())
                pairs.append((tile, int(places[other]), strip))
    return pairs


def _parts_in(strip: Box, masks: list[tuple[int, RLE]], boxes: npt.NDArray) -> dict[int, RLE]:
    """Cut the parts of masks out that lie in a strip, by the index of the mask; where there is none, none is given."""
    touching = [(index, mask) for index, mask in masks if _touch(boxes[index], strip)]
    if not touching:
        return {}
    x1, y1, x2, y2 = strip
    height, width = touching[0][1]['size']
    (window,) = coco_masks.frPyObjects(np.array([[x1, y1, x2 - x1, y2 - y1]], float), height, width)
    parts = {index: coco_masks.merge([mask, window], intersect=True) for index, mask in touching}
    return {index: part for index, part in parts.items() if coco_masks.area(part)}


def _touch(one: Sequence[float] | npt.NDArray, other: Sequence[float] | npt.NDArray) -> bool:
    return bool(max(one[0], other[0]) < min(one[2], other[2]) and max(one[1], other[1]) < min(one[3], other[3]))


def _join(pairs: list[tuple[float, int, int]], tiles: npt.NDArray[np.integer]) -> list[list[int]]:
    """Put instances into groups, none with two of one tile."""
    group_of = list(range(len(tiles)))
    members = {index: [index] for index in group_of}
    seen = {index: {int(tile)} for index, tile in enumerate(tiles)}
    for _, one, two in pairs:
        kept, gone = group_of[one], group_of[two]
        if kept == gone or seen[kept] & seen[gone]:
            continue
        for index in members[gone]:
            group_of[index] = kept
        members[kept] += members.pop(gone)
        seen[kept] |= seen.pop(gone)
    return list(members.values())
