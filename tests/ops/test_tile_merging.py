from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_masks

from mmdet_panseg.ops import TileInstances, merge_tile_instances, rle_from_crop, tile_starts

SIZE, TILE = (90, 120), 40


def windows():
    rows, columns = (tile_starts(side, TILE, 0.25) for side in SIZE)
    return [(x, y, min(x + TILE, SIZE[1]), min(y + TILE, SIZE[0])) for y in rows for x in columns]


def seen_in_tiles(objects, labels, least=1):
    """What perfect eyes see in each tile: the part of each object that lies in it."""
    masks, scores, seen, tiles = [], [], [], []
    for tile, (x1, y1, x2, y2) in enumerate(windows()):
        for mask, label in zip(objects, labels, strict=True):
            part = mask[y1:y2, x1:x2]
            if np.count_nonzero(part) >= least:
                masks.append(rle_from_crop(part, (x1, y1), SIZE))
                scores.append(np.count_nonzero(part) / np.count_nonzero(mask))
                seen.append(label)
                tiles.append(tile)
    return TileInstances(masks, np.array(scores), np.array(seen), np.array(tiles, int))


def merged_masks(found):
    merged = merge_tile_instances(found, windows())
    masks = [coco_masks.decode(mask).astype(bool) for mask in merged.masks]
    return merged, masks


def rectangle(x1, y1, x2, y2):
    mask = np.zeros(SIZE, bool)
    mask[y1:y2, x1:x2] = True
    return mask


def assert_same_objects(masks, objects):
    assert sorted(mask.tobytes() for mask in masks) == sorted(mask.tobytes() for mask in objects)


def test_an_object_in_one_tile_stays():
    objects = [rectangle(3, 3, 12, 12)]
    found = seen_in_tiles(objects, [2])
    assert len(found.masks) == 1
    merged, masks = merged_masks(found)
    assert_same_objects(masks, objects)
    assert merged.labels.tolist() == [2] and merged.scores.tolist() == [1]


def test_an_object_across_a_border_becomes_one():
    objects = [rectangle(20, 5, 55, 20)]
    found = seen_in_tiles(objects, [0])
    assert len(found.masks) == 2
    merged, masks = merged_masks(found)
    assert_same_objects(masks, objects)
    assert merged.scores.tolist() == [found.scores.max()]


def test_a_large_object_over_many_tiles_becomes_one():
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    disc = (rows - 45) ** 2 + (columns - 60) ** 2 < 43**2
    found = seen_in_tiles([disc], [1])
    assert len(found.masks) >= 9
    _, masks = merged_masks(found)
    assert_same_objects(masks, [disc])


def test_neighbours_of_one_class_stay_apart():
    objects = [rectangle(20, 5, 55, 20), rectangle(20, 20, 55, 35), rectangle(55, 5, 90, 35)]
    _, masks = merged_masks(seen_in_tiles(objects, [0, 0, 0]))
    assert_same_objects(masks, objects)


def test_objects_of_two_classes_stay_apart():
    objects = [rectangle(20, 5, 55, 20)] * 2
    merged, masks = merged_masks(seen_in_tiles(objects, [0, 1]))
    assert sorted(merged.labels.tolist()) == [0, 1]
    assert_same_objects(masks, objects)


def test_two_of_one_tile_are_not_joined_by_a_third():
    """One tile sees two objects, its neighbour takes them for one: one of them gets the other's part, both stay."""
    upper, lower = rectangle(20, 5, 40, 20), rectangle(20, 20, 40, 35)
    both = rectangle(30, 5, 60, 35)
    masks = [rle_from_crop(mask, (0, 0), SIZE) for mask in (upper, lower, both)]
    found = TileInstances(masks, np.array([0.9, 0.8, 0.7]), np.zeros(3, int), np.array([0, 0, 1]))
    merged, _ = merged_masks(found)
    assert len(merged.masks) == 2


def test_there_may_be_nothing():
    merged, masks = merged_masks(seen_in_tiles([], []))
    assert masks == [] and merged.scores.shape == merged.labels.shape == (0,)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_objects_apart_are_found_as_they_are(seed):
    """Any objects of one class that do not touch come out of their parts again."""
    rng = np.random.default_rng(seed)
    objects, taken = [], np.zeros(SIZE, bool)
    for _ in range(6):
        x, y = rng.integers(0, SIZE[1] - 4), rng.integers(0, SIZE[0] - 4)
        mask = rectangle(x, y, x + rng.integers(3, 60), y + rng.integers(3, 60)) & ~taken
        # Pieces that something else cuts apart are several objects to a tile.
        if coco_masks.area(rle_from_crop(mask, (0, 0), SIZE)) and not (taken & rectangle(x, y, x + 60, y + 60)).any():
            objects.append(mask)
            taken |= mask
    found = seen_in_tiles(objects, [0] * len(objects))
    _, masks = merged_masks(found)
    assert_same_objects(masks, objects)
