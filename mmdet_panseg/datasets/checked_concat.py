"""Several annotation files as one data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdet.datasets import ConcatDataset
from mmdet.registry import DATASETS

from .errors import AnnotationFileError, shown

_OF_ONE_FILE = ('category_ids', 'palette')


@DATASETS.register_module()
class CheckedConcatDataset(ConcatDataset):
    """mmdet's ``ConcatDataset`` of files that have the same classes, under whatever ids and colours.

    The command lines put it in the place of a ``ConcatDataset`` of ``CheckedCocoDataset``. Meta information is that of
    the first file.

    Args:
        datasets: The data sets, or their configs.
        ignore_keys: Keys of the meta information that may differ, besides ``category_ids`` and ``palette``.
        **kwargs: Further arguments of ``ConcatDataset``.

    Raises:
        AnnotationFileError: If files have other classes, or list them in another order, by which labels are numbered.
    """

    def __init__(self, datasets: Sequence, ignore_keys: str | Sequence[str] = (), **kwargs: Any) -> None:
        more = [ignore_keys] if isinstance(ignore_keys, str) else list(ignore_keys or ())
        super().__init__(datasets, ignore_keys=[*_OF_ONE_FILE, *more], **kwargs)
        if isinstance(self._metainfo, list):
            first, own = self.datasets[0], _meaning(self.datasets[0], more)
            other = next(part for part in self.datasets if _meaning(part, more) != own)
            raise AnnotationFileError(
                f"ConcatDataset: '{first.ann_file}' has the classes {shown(first.metainfo['classes'])} and "
                f"'{other.ann_file}' {shown(other.metainfo['classes'])}, in this order: labels would mean other "
                "things. Choose those that all have by metainfo=dict(classes=...), and list 'categories' in one order."
            )


def _meaning(dataset: Any, ignored: Sequence[str]) -> dict:
    return {key: value for key, value in dataset.metainfo.items() if key not in (*_OF_ONE_FILE, *ignored)}
