"""Data sets inside others, such as those of mmengine's ``RepeatDataset`` and ``ConcatDataset``."""

from __future__ import annotations

from collections.abc import Iterator

from torch.utils.data import Dataset


def iter_datasets(dataset: Dataset) -> Iterator[Dataset]:
    """Give a data set and all those inside it."""
    yield dataset
    for part in _parts(dataset):
        yield from iter_datasets(part)


def innermost_datasets(dataset: Dataset) -> list[Dataset]:
    """Give the data sets that wrap no other."""
    return [part for part in iter_datasets(dataset) if not _parts(part)]


def _parts(dataset: Dataset) -> list[Dataset]:
    single = getattr(dataset, 'dataset', None)
    return list(getattr(dataset, 'datasets', ())) or ([] if single is None else [single])
