"""Classes of a data set, as transforms, metrics and drawings see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmdet_panseg.datasets.errors import DatasetError, with_suggestions


@dataclass(frozen=True)
class DatasetClasses:
    """Classes of a data set, in the order of their labels; key ``dataset_classes`` of its samples.

    Transforms do not see a data set's meta information. ``CheckedCocoDataset`` and ``CheckedCocoPanopticDataset`` add
    these to each sample, so that transforms can choose by name.

    Attributes:
        names: Class names, things before stuff; the index is the label.
        category_ids: Ids of the annotation file's categories; None for classes that it does not list.
        num_things: Number of thing classes.
    """

    names: tuple[str, ...]
    category_ids: tuple[int | None, ...]
    num_things: int

    @classmethod
    def from_metainfo(cls, metainfo: Mapping[str, Any]) -> DatasetClasses:
        """Read the meta information of a panoptic data set.

        Args:
            metainfo: Has ``classes``, things first, and ``thing_classes``; optionally ``category_ids``.
        """
        names, things = tuple(metainfo['classes']), set(metainfo['thing_classes'])
        ids = tuple(metainfo.get('category_ids') or [None] * len(names))
        return cls(names, ids, sum(name in things for name in names))

    @property
    def result_ids(self) -> tuple[int, ...]:
        """Category ids to write in files of results: labels, unless the annotation file lists all classes."""
        known = len(self.category_ids) == len(self.names) and None not in self.category_ids
        return self.category_ids if known else tuple(range(len(self.names)))

    @staticmethod
    def of(results: dict, user: str) -> DatasetClasses:
        """Give the classes of a sample.

        Args:
            results: The sample.
            user: Name of the transform that asks, for the error text.

        Raises:
            DatasetError: If the sample has none.
        """
        if 'dataset_classes' not in results:
            raise DatasetError(
                f"{user} chooses by class, and the sample has no 'dataset_classes': load it by CheckedCocoDataset or "
                'CheckedCocoPanopticDataset, which give them.'
            )
        return results['dataset_classes']

    def labels(self, chosen: Sequence[str | int], user: str) -> list[int]:
        """Give the labels of classes.

        Args:
            chosen: Class names or category ids of the annotation file.
            user: Name of the transform and key that lists them, for the error text.

        Returns:
            Labels in the order of ``chosen``.

        Raises:
            DatasetError: If a class is unknown; the text lists the known ones.
        """
        known = {key: label for keys in (self.names, self.category_ids) for label, key in enumerate(keys)}
        missing = [key for key in chosen if key is None or key not in known]
        if missing:
            listed = ', '.join(
                name if key is None else f'{name} ({key})'
                for name, key in zip(self.names, self.category_ids, strict=True)
            )
            raise DatasetError(
                f'{user}: the data set has no class {with_suggestions(missing, self.names)}. Known classes (and '
                f'category ids): {listed}.'
            )
        return [known[key] for key in chosen]
