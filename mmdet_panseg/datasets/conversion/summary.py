"""What a conversion of label maps made, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .components import LabelSegments
from .label_classes import LabelClass


@dataclass
class ClassCounts:
    """Counts of one class in one split.

    Attributes:
        segments: Segments, without crowds.
        pixels: Pixels of these.
        small: Components that were too small.
        small_pixels: Pixels of these, which became void or crowd.
    """

    segments: int = 0
    pixels: int = 0
    small: int = 0
    small_pixels: int = 0


class SplitCounts:
    """Counts of one split.

    Args:
        classes: The classes of the data set.

    Attributes:
        images: Number of images.
        pixels: Number of their pixels.
        without_things: Number of images without an instance.
        classes: :class:`ClassCounts` by class name, things first.
    """

    def __init__(self, classes: Sequence[LabelClass]) -> None:
        self.images = self.pixels = self.without_things = 0
        self.classes = {label_class.name: ClassCounts() for label_class in classes}
        self._label_classes = classes

    def add(self, found: LabelSegments) -> None:
        """Count one label map."""
        self.images += 1
        self.pixels += found.segment_map.size
        counts = list(self.classes.values())
        instances = 0
        for segment in found.segments:
            if not segment.is_crowd:
                counts[segment.category].segments += 1
                counts[segment.category].pixels += segment.area
                instances += self._label_classes[segment.category].is_thing
        self.without_things += not instances
        for category in np.flatnonzero(found.small[:, 0]):
            counts[category].small += int(found.small[category, 0])
            counts[category].small_pixels += int(found.small[category, 1])

    @property
    def unlabelled(self) -> int:
        """Pixels that no class has in the label maps."""
        return self.pixels - sum(count.pixels + count.small_pixels for count in self.classes.values())


@dataclass(frozen=True)
class ConversionSummary:
    """What was made.

    Attributes:
        classes: The classes, things first.
        min_area: Fewest pixels of a component that is an instance.
        small: What smaller ones became, ``'void'`` or ``'crowd'``.
        splits: Counts by split.
    """

    classes: tuple[LabelClass, ...]
    min_area: int
    small: str
    splits: dict[str, SplitCounts]
