from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from mmdet_panseg.ops import ViewMaps, averaged_masks, averaged_rows, maps_of_image, match_views, mean_scores


def random_instances(count, num_views, seed):
    """Overlaps of random values, with ties among the scores."""
    generator = torch.Generator().manual_seed(seed)
    ious = torch.rand(count, count, generator=generator)
    ious = (ious + ious.T) / 2
    scores = torch.randint(1, 8, (count,), generator=generator) / 8
    labels = torch.randint(0, 2, (count,), generator=generator)
    views = torch.randint(0, num_views, (count,), generator=generator).sort().values
    return ious, scores, labels, views


def slow_matching(ious, scores, labels, views, num_views, threshold):
    objects = []
    for instance in sorted(range(len(scores)), key=lambda index: -scores[index]):
        best, best_iou = None, threshold
        for found in objects:
            founder = next(iter(found.values()))
            free = int(views[instance]) not in found and labels[founder] == labels[instance]
            better = ious[instance, founder] > best_iou or (best is None and ious[instance, founder] == best_iou)
            if free and better:
                best, best_iou = found, ious[instance, founder]
        if best is None:
            best = {}
            objects.append(best)
        best[int(views[instance])] = instance
    return [[found.get(view, -1) for view in range(num_views)] for found in objects]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 20), st.integers(1, 4), st.sampled_from([0.3, 0.5, 0.9]), st.integers(0, 2**20))
def test_matching_equals_a_loop(count, num_views, threshold, seed):
    ious, scores, labels, views = random_instances(count, num_views, seed)
    members = match_views(ious, scores, labels, views, num_views, iou_threshold=threshold)
    assert members.shape == (len(members), num_views)
    assert members.tolist() == slow_matching(ious, scores, labels, views, num_views, threshold)
    assert sorted(members[members >= 0].tolist()) == list(range(count))


def test_an_object_of_one_view_of_three_has_a_third_of_its_score():
    ious = torch.eye(4)
    ious[0, 2] = ious[2, 0] = ious[0, 3] = ious[3, 0] = 0.8
    scores, labels, views = torch.tensor([0.9, 0.6, 0.8, 0.4]), torch.zeros(4, dtype=torch.long), [0, 0, 1, 2]
    members = match_views(ious, scores, labels, torch.tensor(views), 3)
    assert members.tolist() == [[0, 2, 3], [1, -1, -1]]
    for power, share in ((0, 1), (0.5, 3**-0.5), (1, 1 / 3)):
        torch.testing.assert_close(mean_scores(scores, members, power), torch.tensor([0.7, 0.6 * share]))
    boxes = torch.tensor([[0, 0, 4, 4], [9, 9, 12, 12], [0, 1, 4, 4], [3, 2, 4, 4]]).float()
    expected = torch.tensor([[1, 1, 4, 4], [9, 9, 12, 12]]).float()
    torch.testing.assert_close(averaged_rows(boxes, members), expected)


def test_other_classes_and_the_own_view_are_not_matched():
    ious, scores = torch.ones(3, 3), torch.tensor([0.9, 0.8, 0.7])
    members = match_views(ious, scores, torch.tensor([0, 1, 0]), torch.tensor([0, 1, 0]), 2)
    assert members.tolist() == [[0, -1], [-1, 1], [2, -1]]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=3),
    st.sampled_from([1, 2**12, 2**26]),
    st.sampled_from([torch.float64, torch.uint8, torch.bool]),
    st.integers(0, 2**20),
)
def test_masks_are_averaged_over_the_views_that_have_them(counts, budget, dtype, seed):
    generator = torch.Generator().manual_seed(seed)
    size, crops, flips = (11, 17), [(12, 16), (9, 14), (20, 33)], [None, 'horizontal', 'vertical']
    views = []
    for count, crop, flip in zip(counts, crops, flips, strict=False):
        values = torch.rand(count, -(-crop[0] // 4), -(-crop[1] // 4), generator=generator, dtype=torch.float64)
        kinds = {torch.float64: values, torch.uint8: (255 * values).byte(), torch.bool: values > 0.5}
        views.append(ViewMaps(kinds[dtype], 4, crop, flip))
    owners = torch.cat([torch.full((count,), view) for view, count in enumerate(counts)])
    total = len(owners)
    ious = torch.rand(total, total, generator=generator)
    members = match_views(ious, torch.rand(total, generator=generator), 0 * owners, owners, len(counts))
    masks = averaged_masks(views, members, size, threshold=0.45, memory_budget=budget)
    assert masks.shape == (len(members), *size) and masks.dtype == torch.bool
    soft = torch.cat([maps_of_image(view, size) for view in views])
    for mask, row in zip(masks, members.tolist(), strict=True):
        own = [soft[instance] for instance in row if instance >= 0]
        assert torch.equal(mask, sum(own) / len(own) > 0.45)


def test_memory_does_not_grow_with_the_number_of_objects(monkeypatch):
    largest, interpolate = [], F.interpolate

    def spy(*args, **kwargs):
        result = interpolate(*args, **kwargs)
        largest.append(result.numel())
        return result

    monkeypatch.setattr(F, 'interpolate', spy)
    views = [ViewMaps(torch.zeros(100, 8, 8), 4, (32, 30), flip) for flip in (None, 'horizontal')]
    members = torch.arange(200).view(2, 100).T
    averaged_masks(views, members, (50, 60), threshold=0.0, memory_budget=2**16)
    assert max(largest) * 4 <= 2**16


@pytest.mark.parametrize('num_views', [1, 3])
def test_views_without_instances(num_views):
    nothing = torch.zeros(0, dtype=torch.long)
    members = match_views(torch.zeros(0, 0), torch.zeros(0), nothing, nothing, num_views)
    assert members.shape == (0, num_views)
    views = [ViewMaps(torch.zeros(0, 2, 3), 4, (8, 12))] * num_views
    assert averaged_masks(views, members, (5, 6), threshold=0.5, memory_budget=1).shape == (0, 5, 6)
    assert mean_scores(torch.zeros(0), members).shape == (0,)
    assert averaged_rows(torch.zeros(0, 4), members).shape == (0, 4)
