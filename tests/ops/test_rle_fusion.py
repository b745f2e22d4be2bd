from __future__ import annotations

import numpy as np
import pytest
import torch

from mmdet_panseg.ops import fuse_panoptic, fuse_rle, rle_from_crop, rle_fusion
from solo_cases import random_masks

THINGS, STUFF = 3, 4
SETTINGS = [
    dict(),
    dict(score_thr=0.4, min_visible=0.7, min_thing_area=20, min_stuff_area=150),
    dict(min_agreement=0.2, min_visible=0.0),
]


def random_case(seed, size=(50, 70), count=12):
    rng = np.random.default_rng(seed)
    masks = random_masks(rng, count, *size).astype(bool)
    masks[: count // 6] = False
    semantic = rng.integers(0, THINGS + STUFF, (size[0] // 10, size[1] // 10)).repeat(10, 0).repeat(10, 1)
    semantic[:5, :9] = 255
    stuff = rng.integers(THINGS, THINGS + STUFF, size)
    # Equal scores: the earlier one goes first.
    scores = rng.integers(1, 10, count) / 10
    return masks, scores.astype(np.float32), rng.integers(0, THINGS + STUFF, count), semantic, stuff


@pytest.mark.parametrize('settings', SETTINGS)
@pytest.mark.parametrize('fill', [False, True])
@pytest.mark.parametrize('band', [2**22, 200])
def test_it_does_what_the_fusion_of_whole_masks_does(settings, fill, band, monkeypatch):
    monkeypatch.setattr(rle_fusion, '_BAND', band)
    for seed in range(5):
        masks, scores, labels, semantic, stuff = random_case(seed)
        values, segments = fuse_panoptic(
            *map(torch.from_numpy, (masks, scores, labels, semantic)),
            num_things=THINGS,
            num_stuff=STUFF,
            unclaimed='stuff' if fill else 'void',
            stuff_map=torch.from_numpy(stuff),
            **settings,
        )
        expected = np.where(values.numpy() % 1000 == THINGS + STUFF, 0, values.numpy() + 1)

        rles = [rle_from_crop(mask, (0, 0), semantic.shape) for mask in masks]
        found, described = fuse_rle(
            rles,
            scores,
            labels,
            semantic.astype(np.uint8),
            num_things=THINGS,
            num_stuff=STUFF,
            stuff_map=stuff.astype(np.uint8) if fill else None,
            **settings,
        )
        assert found.dtype == np.int32 and np.array_equal(found, expected)
        assert [segment.id for segment in described] == (segments.values + 1).tolist()
        assert [segment.label for segment in described] == segments.labels.tolist()
        assert [segment.area for segment in described] == segments.areas.tolist()
        assert [list(segment.box) for segment in described] == segments.boxes.tolist()
        pairs = zip(segments.labels, segments.scores.tolist(), strict=True)
        wanted = [None if label >= THINGS else score for label, score in pairs]
        assert [segment.score for segment in described] == pytest.approx(wanted)


def test_without_instances_and_stuff_all_is_void():
    semantic = np.zeros((4, 5), np.uint8)
    found, segments = fuse_rle([], np.zeros(0), np.zeros(0, int), semantic, num_things=1, num_stuff=0)
    assert not found.any() and segments == []
