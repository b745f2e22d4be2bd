"""The fusion against a slow reading of its rules and against mmdet's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdet.models import HeuristicFusionHead
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch.utils._python_dispatch import TorchDispatchMode

from mmdet_panseg.ops import fuse_panoptic

THINGS, STUFF = 3, 4
VOID = THINGS + STUFF
CLASSES = dict(num_things=THINGS, num_stuff=STUFF)


def random_case(seed, count, height, width, num_labels=THINGS):
    """Boxes and ellipses, some empty, with scores that often tie, and blocky semantic maps with values of no class."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    masks = np.zeros((count, height, width), bool)
    for mask in masks:
        center, radius = rng.uniform(0, [height, width]), rng.uniform(0.5, 1 + max(height, width) / 2.5, 2)
        y, x = (rows - center[0]) / radius[0], (columns - center[1]) / radius[1]
        mask[:] = (np.maximum(abs(y), abs(x)) if rng.random() < 0.5 else y * y + x * x) <= 1
    scores = torch.from_numpy(rng.choice([0.2, 0.5, 0.9], count) if seed % 2 else rng.random(count)).float()
    labels = torch.from_numpy(rng.integers(0, num_labels, count))
    shape = math.ceil(height / 3), math.ceil(width / 3)

    def blocks(values):
        return torch.from_numpy(np.kron(rng.choice(values, shape), np.ones((3, 3), np.int64))[:height, :width])

    semantic_map, stuff_map = blocks([*range(VOID), 255]), blocks(range(THINGS, VOID))
    return torch.from_numpy(masks), scores, labels, semantic_map, stuff_map


def slow_fusion(
    masks,
    scores,
    labels,
    semantic_map,
    stuff_map,
    score_thr=0.0,
    min_visible=0.5,
    min_thing_area=0,
    min_stuff_area=0,
    min_agreement=0.0,
    unclaimed='void',
):
    """Pixel by pixel; map and list of (value, label, score, area, box)."""
    height, width = semantic_map.shape
    free = {(y, x) for y in range(height) for x in range(width)}
    result, things = {}, []
    for index in sorted(range(len(scores)), key=lambda i: (-scores[i].item(), i)):
        pixels = set(map(tuple, masks[index].nonzero().tolist()))
        visible, label = pixels & free, labels[index].item()
        if not visible or scores[index] < score_thr or len(visible) < min_thing_area:
            continue
        agreeing = sum(semantic_map[pixel].item() == label for pixel in pixels)
        # Thresholds and fractions are those of float32.
        if np.float32(len(visible) / len(pixels)) < np.float32(min_visible):
            continue
        if np.float32(agreeing / len(pixels)) < np.float32(min_agreement):
            continue
        value = label
        if label < THINGS:
            value += 1000 * (len(things) + 1)
            things.append((value, scores[index].item()))
        result.update(dict.fromkeys(visible, value))
        free -= visible
    for pixel in free:
        label = semantic_map[pixel].item()
        if not THINGS <= label < VOID:
            label = stuff_map[pixel].item() if unclaimed == 'stuff' else VOID
        result[pixel] = label
    for label in range(THINGS, VOID):
        pixels = [pixel for pixel, value in result.items() if value == label]
        if len(pixels) < min_stuff_area:
            result.update(dict.fromkeys(pixels, VOID))
    segments = []
    for value, score in [*things, *((label, None) for label in range(THINGS, VOID))]:
        pixels = [pixel for pixel, other in result.items() if other == value]
        if pixels:
            ys, xs = zip(*pixels, strict=True)
            box = [min(xs), min(ys), max(xs) + 1, max(ys) + 1]
            segments.append((value, value % 1000, score, len(pixels), box))
    return [[result[y, x] for x in range(width)] for y in range(height)], segments


def as_rows(segments):
    columns = [field.tolist() for field in segments]
    columns[2] = [None if math.isnan(score) else score for score in columns[2]]
    return list(zip(*columns, strict=True))


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 2**20),
    st.integers(0, 12),
    st.tuples(st.integers(1, 17), st.integers(1, 23)),
    st.sampled_from([THINGS, VOID]),
    st.fixed_dictionaries(
        {},
        optional=dict(
            score_thr=st.sampled_from([0.2, 0.5, 0.95]),
            min_visible=st.sampled_from([0.0, 0.1, 0.8, 1.0]),
            min_thing_area=st.sampled_from([1, 10, 60]),
            min_stuff_area=st.sampled_from([1, 30, 90]),
            min_agreement=st.sampled_from([0.1, 0.25, 0.5]),
            unclaimed=st.sampled_from(['void', 'stuff']),
        ),
    ),
)
def test_equals_a_slow_reading_of_the_rules(seed, count, size, num_labels, rules):
    *instances, semantic_map, stuff_map = random_case(seed, count, *size, num_labels)
    before = [tensor.clone() for tensor in (*instances, semantic_map)]
    panoptic_map, segments = fuse_panoptic(*instances, semantic_map, **CLASSES, **rules, stuff_map=stuff_map)
    expected_map, expected_segments = slow_fusion(*instances, semantic_map, stuff_map, **rules)
    assert panoptic_map.dtype == torch.int64 and panoptic_map.tolist() == expected_map
    assert as_rows(segments) == expected_segments
    assert all(torch.equal(*pair) for pair in zip(before, (*instances, semantic_map), strict=True))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**20),
    st.integers(0, 30),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.sampled_from([0.2, 0.5, 0.9]),
    st.sampled_from([0, 20, 200]),
)
def test_equals_mmdet_where_the_rules_coincide(seed, count, size, overlap, stuff_area):
    masks, scores, labels, *_ = random_case(seed, count, *size)
    # mmdet sorts ties in any order.
    scores = scores + torch.rand(count) * 1e-3
    logits = torch.randn(STUFF + 1, *size)
    head = HeuristicFusionHead(THINGS, STUFF, test_cfg=ConfigDict(mask_overlap=overlap, stuff_area_limit=stuff_area))
    instances = InstanceData(masks=masks, scores=scores, labels=labels, bboxes=torch.zeros(count, 4))
    expected = head.predict([instances], [logits])[0].sem_seg[0]
    panoptic_map, _ = fuse_panoptic(
        masks,
        scores,
        labels,
        logits.argmax(0) + THINGS,
        **CLASSES,
        min_visible=1 - overlap,
        min_stuff_area=stuff_area,
    )
    assert torch.equal(panoptic_map, expected.long())


def test_a_thousand_things_get_different_values():
    """One for each pixel; the number of a thing has no upper limit."""
    side = 40
    masks = torch.eye(side * side, dtype=torch.bool).view(-1, side, side)
    scores = torch.linspace(1, 0.5, side * side)
    panoptic_map, segments = fuse_panoptic(
        masks, scores, torch.full((side * side,), 2), torch.full((side, side), VOID), **CLASSES
    )
    expected = 2 + 1000 * torch.arange(1, side * side + 1)
    assert torch.equal(panoptic_map.flatten(), expected) and torch.equal(segments.values, expected)


def test_equal_scores_go_by_index():
    masks = torch.ones(3, 2, 2, dtype=torch.bool)
    semantic_map = torch.full((2, 2), THINGS)
    _, segments = fuse_panoptic(masks, torch.tensor([0.5, 0.7, 0.7]), torch.tensor([0, 2, 1]), semantic_map, **CLASSES)
    assert segments.labels.tolist() == [2] and segments.values.tolist() == [1002]


def test_a_fraction_at_the_threshold_is_enough():
    masks = torch.zeros(2, 1, 10, dtype=torch.bool)
    masks[0, 0, :3], masks[1, 0, :] = True, True
    arguments = masks, torch.tensor([0.9, 0.8]), torch.tensor([0, 1]), torch.full((1, 10), THINGS)
    assert len(fuse_panoptic(*arguments, **CLASSES, min_visible=0.7)[1].values) == 2
    assert fuse_panoptic(*arguments, **CLASSES, min_visible=0.71)[1].labels.tolist() == [0, THINGS]


def test_only_stuff_and_only_things():
    masks, scores, labels = torch.ones(1, 2, 3, dtype=torch.bool), torch.ones(1), torch.zeros(1, dtype=torch.long)
    none = masks[:0], scores[:0], labels[:0]
    panoptic_map, _ = fuse_panoptic(*none, torch.tensor([[0, 1], [1, 2]]), num_things=0, num_stuff=2)
    assert panoptic_map.tolist() == [[0, 1], [1, 2]]
    panoptic_map, _ = fuse_panoptic(masks, scores, labels, torch.zeros(2, 3), num_things=1, num_stuff=0)
    assert panoptic_map.tolist() == [[1000] * 3] * 2


def test_what_cannot_be_is_named():
    case = random_case(0, 2, 5, 5)[:4]
    with pytest.raises(ValueError, match='999 classes, not 1000'):
        fuse_panoptic(*case, num_things=900, num_stuff=100)
    with pytest.raises(ValueError, match='needs stuff_map'):
        fuse_panoptic(*case, **CLASSES, unclaimed='stuff')
    with pytest.raises(ValueError, match="'guess'"):
        fuse_panoptic(*case, **CLASSES, unclaimed='guess')


class CountWaits(TorchDispatchMode):
    """Counts the operations for which a device would have to be waited for."""

    def __init__(self):
        super().__init__()
        self.waits = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.name()
        # Indexing waits only for a bool index.
        if name in ('aten::_local_scalar_dense', 'aten::nonzero', 'aten::masked_select', 'aten::bincount') or (
            name == 'aten::index.Tensor' and any(i is not None and i.dtype == torch.bool for i in args[1])
        ):
            self.waits += 1
        return func(*args, **(kwargs or {}))


def test_the_device_is_not_waited_for_at_each_instance():
    def waits(count):
        case = random_case(2, count, 30, 30)
        with CountWaits() as counter:
            fuse_panoptic(*case[:4], **CLASSES, min_agreement=0.1, unclaimed='stuff', stuff_map=case[4])
        return counter.waits

    assert 0 < waits(2) == waits(40)
