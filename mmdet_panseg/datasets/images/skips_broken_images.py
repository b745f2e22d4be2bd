"""Data sets that go on without the images that cannot be used."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from mmdet_panseg.datasets.errors import BrokenImageError, DatasetError

from .skipped_samples import SkippedSamples


class SkipsBrokenImages(BaseDataset):
    """In training, replace samples whose pipeline raises :class:`.errors.BrokenImageError` by others.

    Attributes:
        skipped: :class:`.skipped_samples.SkippedSamples` of the training so far; made by ``full_init``.
    """

    skipped: SkippedSamples

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on one sample.

        Args:
            idx: Index of the sample.

        Returns:
            What the pipeline gives; in training None for an image that cannot be used, so that another one is
            taken.

        Raises:
            BrokenImageError: In test mode, for an image that cannot be used.
            DatasetError: In training, if no image at all can be used.
        """
        if self.test_mode:
            return super().prepare_data(idx)
        error = None
        if idx not in self.skipped:
            try:
                return super().prepare_data(idx)
            except BrokenImageError as broken:
                if not len(self.skipped):
                    note = 'Training goes on with other images; files like this one are named at its end.'
                    print_log(f'{broken} {note}', logger='current', level=logging.WARNING)
                self.skipped.mark(idx, broken.reason, broken.path_key)
                error = broken
        if len(self.skipped) == len(self):
            fault = error or self._first_skipped()
            raise DatasetError(f"None of the {len(self)} images of '{self.ann_file}' can be used. {fault}") from error
        return None

    def get_subset_(self, indices: Sequence[int] | int) -> None:
        """Keep only some samples; see mmengine's ``BaseDataset``."""
        super().get_subset_(indices)
        self.skipped = SkippedSamples(len(self))

    def get_subset(self, indices: Sequence[int] | int) -> SkipsBrokenImages:
        """Copy some samples to a new data set; see mmengine's ``BaseDataset``."""
        subset = super().get_subset(indices)
        subset.skipped = SkippedSamples(len(subset))
        return subset

    def _rand_another(self) -> int:
        """Random index among the samples that have not failed.

        Known failures take as many random numbers as new ones, so that the choice does not depend on what other workers
        have met.
        """
        while len(self.skipped) < len(self):
            index = int(np.random.randint(len(self)))
            if index not in self.skipped:
                return index
        return 0  # another worker may just have marked the last one; prepare_data then raises

    def _first_skipped(self) -> str:
        """File and fault of the first skipped sample."""
        index, (reason, path_key) = next(iter(self.skipped.faults().items()))
        return f"The first: '{self.get_data_info(index)[path_key]}' ({reason})."
