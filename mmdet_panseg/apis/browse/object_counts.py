"""How many objects of which class each step of a pipeline adds or drops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from mmdet_panseg.datasets.wrappers import iter_datasets


@dataclass(frozen=True)
class StepChange:
    """What a step changed in a sample.

    Attributes:
        step: Name of its class.
        added: Objects that it added, by label.
        dropped: Objects that it dropped, by label.
    """

    step: str
    added: Counter[int]
    dropped: Counter[int]


class ObjectCounter:
    """Note the changes of each packed sample while a data set makes it.

    Args:
        dataset: The data set; the pipelines in it that pack samples are watched from now on.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._finished: list[list[StepChange]] = []
        self._changes: list[StepChange] = []
        for part in iter_datasets(dataset):
            pipeline = getattr(part, 'pipeline', None)
            steps = pipeline if isinstance(pipeline, list) else getattr(pipeline, 'transforms', [])
            if steps and type(steps[-1]).__name__.startswith('Pack'):
                last = len(steps) - 1
                steps[:] = [_WatchedStep(step, self, i == 0, i == last) for i, step in enumerate(steps)]

    def take(self, number: int) -> list[list[StepChange]]:
        """Give the changes of the last samples and forget them; an empty list for each if nothing is watched."""
        taken, self._finished = self._finished[-number:], []
        return taken if len(taken) == number else [[] for _ in range(number)]

    def note(self, step: str, before: Counter[int] | None, after: Counter[int] | None) -> None:
        """Note what a step did; loading, before which there are no objects, changes nothing."""
        if before is not None and after is not None and before != after:
            self._changes.append(StepChange(step, after - before, before - after))

    def begin(self) -> None:
        """Begin a sample, in place of one that came to nothing."""
        self._changes = []

    def finish(self) -> None:
        """Keep the changes of a sample that is packed."""
        self._finished.append(self._changes)


class _WatchedStep:
    """A step that tells the counter what it does and is otherwise itself."""

    def __init__(self, step: Callable, counter: ObjectCounter, is_first: bool, is_last: bool) -> None:
        self._step, self._counter, self._is_first, self._is_last = step, counter, is_first, is_last

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__['_step'], name)

    def __call__(self, results: dict) -> dict | None:
        if self._is_first:
            self._counter.begin()
        if self._is_last:
            packed = self._step(results)
            if packed is not None:
                self._counter.finish()
            return packed
        before = _objects_by_label(results)
        results = self._step(results)
        if results is not None:
            self._counter.note(type(self._step).__name__, before, _objects_by_label(results))
        return results


def _objects_by_label(results: dict) -> Counter[int] | None:
    """Count the objects that are loaded, crowds too; None if none are loaded yet."""
    if 'gt_segments' in results:
        table = results['gt_segments']
        return Counter(table.labels[table.is_instance | (table.is_thing & table.is_crowd)].tolist())
    if 'gt_bboxes_labels' in results:
        return Counter(np.asarray(results['gt_bboxes_labels']).tolist())
    return None
