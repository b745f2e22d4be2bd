from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdet_panseg.datasets.conversion.stratified_split import choose_validation

IMAGES = st.lists(st.frozensets(st.sampled_from('abcde'), max_size=3), min_size=2, max_size=9)


def lost(images, chosen):
    """Classes of two images or more that are not in the choice."""
    counts = Counter(name for classes in images for name in classes)
    there = {name for index in chosen for name in images[index]}
    return sum(count > 1 and name not in there for name, count in counts.items())


def keeps_all(images, chosen):
    left = {name for index, classes in enumerate(images) if index not in chosen for name in classes}
    return left == set().union(*images) and len(chosen) < len(images)


@given(IMAGES, st.integers(0, 5))
@settings(max_examples=80, deadline=None)
def test_every_class_is_trained_and_as_many_as_can_be_are_validated(images, seed):
    chosen = choose_validation(images, 0.2, seed)
    every = [set(some) for count in range(1, len(images)) for some in combinations(range(len(images)), count)]
    possible = [some for some in every if keeps_all(images, some)]
    if not possible:
        assert not chosen
    else:
        assert chosen and keeps_all(images, chosen)
        assert lost(images, chosen) == min(lost(images, some) for some in possible)


@pytest.mark.parametrize('share', [0.1, 0.2, 0.5])
def test_shares_of_images_and_classes(share):
    images = [frozenset('a') if index % 2 else frozenset('ab' if index % 4 else 'c') for index in range(200)]
    chosen = choose_validation(images, share, 0)
    assert len(chosen) == pytest.approx(share * 200, abs=2)
    for name in 'abc':
        total = sum(name in classes for classes in images)
        assert sum(name in images[index] for index in chosen) == pytest.approx(share * total, abs=2)


def test_seeds_repeat_and_differ():
    images = [frozenset('a')] * 50
    assert choose_validation(images, 0.2, 1) == choose_validation(images, 0.2, 1)
    assert choose_validation(images, 0.2, 1) != choose_validation(images, 0.2, 2)


def test_images_without_objects_can_be_chosen():
    assert len(choose_validation([frozenset()] * 10, 0.3, 0)) == 3
