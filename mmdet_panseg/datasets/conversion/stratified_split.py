"""A validation set of the images of a data set, with every class in both parts where that can be."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

_ATTEMPTS = 32
_MANY = 5000


def choose_validation(classes_of_images: Sequence[frozenset[Any]], share: float, seed: int) -> frozenset[int]:
    """Choose images for validation.

    Every class stays in the images to train on. Of a class with two images or more one at least is chosen, and about
    ``share`` of its images; where classes always come together this may be impossible, and then as many classes as can
    be found are there.

    Args:
        classes_of_images: Classes on each image.
        share: Part of the images to choose, between 0 and 1.
        seed: Of the random choice.

    Returns:
        Indices of the chosen images; none if every image has an object of a class that no other has.
    """
    total = len(classes_of_images)
    images_of: dict[Any, list[int]] = defaultdict(list)
    for index, classes in enumerate(classes_of_images):
        for name in classes:
            images_of[name].append(index)
    wanted = min(max(round(share * total), 1), total - 1)
    generator = np.random.default_rng(seed)
    attempts = [
        _attempt(classes_of_images, images_of, share, wanted, generator)
        for _ in range(_ATTEMPTS if total <= _MANY else 1)
    ]
    return min(attempts, key=lambda chosen: _faults(classes_of_images, images_of, chosen, share, wanted))


def _attempt(
    classes_of_images: Sequence[frozenset[Any]],
    images_of: Mapping[Any, list[int]],
    share: float,
    wanted: int,
    generator: np.random.Generator,
) -> frozenset[int]:
    """Choose for the rarest classes first, then fill up."""
    left = {name: len(images) for name, images in images_of.items()}
    place = generator.permutation(len(classes_of_images)).tolist()
    chosen: set[int] = set()

    def take(candidates: Iterable[int], name: Any, until: int) -> None:
        for index in candidates:
            done = len(chosen) if name is None else len(images_of[name]) - left[name]
            if done >= until:
                return
            if index not in chosen and all(left[other] > 1 for other in classes_of_images[index]):
                chosen.add(index)
                for other in classes_of_images[index]:
                    left[other] -= 1

    for name, images in sorted(images_of.items(), key=lambda item: (len(item[1]), place[item[1][0]])):
        take(sorted(images, key=place.__getitem__), name, max(round(share * len(images)), 1))
    take(sorted(range(len(place)), key=place.__getitem__), None, wanted)
    return frozenset(chosen)


def _faults(
    classes_of_images: Sequence[frozenset[Any]],
    images_of: Mapping[Any, list[int]],
    chosen: frozenset[int],
    share: float,
    wanted: int,
) -> tuple[float, ...]:
    """Rank a choice: classes that are not in it, then how far it is from the share."""
    there = Counter(name for index in chosen for name in classes_of_images[index])
    lost = sum(there[name] == 0 and len(images) > 1 for name, images in images_of.items())
    uneven = sum(abs(there[name] / len(images) - share) for name, images in images_of.items())
    return lost, abs(len(chosen) - wanted), uneven
