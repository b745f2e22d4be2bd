"""One image as the network gets it, with its objects and their cells, and what to say about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmdet_panseg.visualization.result_rows import DrawnClasses

from .cells import Assignment
from .object_counts import StepChange


@dataclass(frozen=True)
class BrowsedSample:
    """An image of a batch after the data preprocessor.

    Attributes:
        name: Its file name.
        image: RGB image with the padding, uint8, shape (H, W, 3).
        image_size: Height and width of the image in it.
        original_size: Height and width of the file's image.
        labels: Class indices of the objects to learn, shape (N,); None if the pipeline loads none.
        masks: Their masks, bool, shape (N, H, W).
        ignored_labels: Class indices of what is loaded and not learnt, crowds for one, shape (M,).
        ignored_masks: Their masks, bool, shape (M, H, W).
        semantic_map: Labels of shape (H, W), 255 for void; None if there is no map.
        assignment: Grid cells of the objects; None if the model has no SOLO head.
        changes: What steps of the pipeline did to the number of objects.
        classes: Names and colours of the classes.
    """

    name: str
    image: np.ndarray
    image_size: tuple[int, int]
    original_size: tuple[int, int]
    labels: np.ndarray | None
    masks: np.ndarray
    ignored_labels: np.ndarray
    ignored_masks: np.ndarray
    semantic_map: np.ndarray | None
    assignment: Assignment | None
    changes: Sequence[StepChange]
    classes: DrawnClasses

    def object_name(self, index: int) -> str:
        """Name an object by its number and class."""
        return f'#{index} {self.classes.names[self.labels[index]]}'

    def summary(self) -> str:
        """Say sizes, number of objects, and cells by level, in one line."""
        (height, width), (padded_height, padded_width) = self.image_size, self.image.shape[:2]
        parts = [f'{width}×{height} in an input of {padded_width}×{padded_height}']
        if self.original_size != self.image_size:
            parts[0] += f' (file: {self.original_size[1]}×{self.original_size[0]})'
        if self.labels is None:
            return f'{parts[0]}   ·   no objects are loaded'
        objects = f'{len(self.labels)} object{"s" * (len(self.labels) != 1)}'
        if len(self.ignored_labels):
            objects += f', {len(self.ignored_labels)} ignored'
        parts.append(objects)
        if self.assignment is not None:
            parts.append('cells per level ' + '/'.join(str(len(level.cells)) for level in self.assignment.levels))
            if self.assignment.without_cell:
                parts.append(f'{len(self.assignment.without_cell)} without a cell')
        return '   ·   '.join(parts)

    def remarks(self) -> list[str]:
        """Say which objects get no cell and why, what is ignored, and what the pipeline dropped; a line each."""
        lines = []
        if self.assignment is not None:
            reasons = self.assignment.without_cell
            lines += [f'{self.object_name(index)} gets no cell: {reason}' for index, reason in reasons.items()]
        if len(self.ignored_labels):
            lines.append(f'ignored (crowds, or marked as such): {self._listed(Counter(self.ignored_labels.tolist()))}')
        for change in self.changes:
            parts = [
                f'{verb} {self._listed(counts)}'
                for verb, counts in (('drops', change.dropped), ('adds', change.added))
                if counts
            ]
            lines.append(f'{change.step} {" and ".join(parts)}')
        return lines

    def _listed(self, counts: Counter[int]) -> str:
        names = self.classes.names
        return ', '.join(f'{number} {names[label]}' for label, number in sorted(counts.items()))


def browsing_totals(samples: Sequence[BrowsedSample]) -> str:
    """Sum up objects and cells of several samples in one line."""
    learnt = [sample for sample in samples if sample.labels is not None]
    objects = sum(len(sample.labels) for sample in learnt)
    ignored = sum(len(sample.ignored_labels) for sample in learnt)
    text = f'{len(samples)} images, {objects} objects, {ignored} ignored'
    assignments = [sample.assignment for sample in learnt if sample.assignment is not None]
    if assignments:
        cells = np.sum([[len(level.cells) for level in found.levels] for found in assignments], axis=0)
        missed = sum(len(found.without_cell) for found in assignments)
        text += f'; cells per level {"/".join(map(str, cells))}; {missed} objects without a cell'
    return text
