"""The vote of the semantic map against a count pixel by pixel."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdet_panseg.ops import VOID_LABEL, majority_labels

THINGS, STUFF = 3, 2


def slow_labels(masks, labels, semantic_map, min_vote):
    result = []
    for mask, label in zip(masks, labels.tolist(), strict=True):
        pixels = [semantic_map[y, x].item() for y, x in mask.nonzero().tolist()]
        votes = Counter(value for value in pixels if value < THINGS)
        best = max(votes, key=lambda value: (votes[value], value == label, -value), default=label)
        wins = bool(votes) and votes[best] / len(pixels) >= min_vote
        result.append(best if wins and label < THINGS else label)
    return result


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**20), st.integers(0, 9), st.integers(1, 9), st.integers(1, 7), st.sampled_from([0.25, 0.3, 0.5, 1])
)
def test_equals_a_count_of_pixels(seed, count, height, width, min_vote):
    """With empty masks, ties, maps of few classes and pixels without one."""
    generator = torch.Generator().manual_seed(seed)
    masks = torch.rand(count, height, width, generator=generator) < torch.rand(count, 1, 1, generator=generator)
    masks[::4] = False
    labels = torch.randint(THINGS + STUFF, (count,), generator=generator)
    values = torch.tensor([*range(THINGS + STUFF), VOID_LABEL])[: 2 + seed % 5]
    semantic_map = values[torch.randint(len(values), (height, width), generator=generator)]
    before = labels.clone()
    found = majority_labels(masks, labels, semantic_map, num_things=THINGS, min_vote=min_vote)
    assert found.dtype == torch.int64
    assert found.tolist() == slow_labels(masks, labels, semantic_map, min_vote)
    assert torch.equal(labels, before)


def test_of_equal_votes_the_own_class_wins_then_the_first():
    masks, semantic_map = torch.ones(2, 1, 4, dtype=torch.bool), torch.tensor([[1, 2, 2, 1]])
    assert majority_labels(masks, torch.tensor([2, 0]), semantic_map, num_things=THINGS).tolist() == [2, 1]


def test_thousands_of_instances():
    masks = torch.eye(3000, dtype=torch.bool).view(3000, 50, 60)
    semantic_map = torch.arange(3000).view(50, 60) % THINGS
    found = majority_labels(masks, torch.zeros(3000, dtype=torch.int64), semantic_map, num_things=THINGS)
    assert torch.equal(found, semantic_map.flatten())


def test_without_things_nothing_changes():
    labels = torch.tensor([0, 1])
    found = majority_labels(torch.ones(2, 3, 3, dtype=torch.bool), labels, torch.zeros(3, 3).long(), num_things=0)
    assert torch.equal(found, labels)


@pytest.mark.parametrize('min_vote', [0, -0.5, 1.5])
def test_a_fraction_is_asked_for(min_vote):
    with pytest.raises(ValueError, match=f'above 0 and up to 1, not {min_vote}'):
        majority_labels(
            torch.ones(1, 2, 2).bool(), torch.tensor([0]), torch.zeros(2, 2), num_things=1, min_vote=min_vote
        )
