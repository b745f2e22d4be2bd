"""Which samples of a data set were skipped in training, counted over all loader processes."""

from __future__ import annotations

import numpy as np
import torch

SKIP_REASONS = ('truncated', 'undecodable', 'wrong size')


class SkippedSamples:
    """One flag a sample, in shared memory: what a loader worker marks, the training process sees.

    Args:
        length: Number of samples.

    Attributes:
        codes: uint8 tensor of shape (length,): 0 for a good sample, else 1 + index in :data:`SKIP_REASONS`.
    """

    def __init__(self, length: int) -> None:
        self.codes = torch.zeros(length, dtype=torch.uint8).share_memory_()

    def __deepcopy__(self, memo: dict) -> SkippedSamples:
        # A plain deep copy of a tensor leaves shared memory, and mmengine's runner copies data sets.
        copied = SkippedSamples(len(self.codes))
        copied.codes.copy_(self.codes)
        return copied

    def mark(self, index: int, reason: str) -> None:
        """Marks a sample as skipped for a reason of :data:`SKIP_REASONS`."""
        self.codes[index] = 1 + SKIP_REASONS.index(reason)

    def __contains__(self, index: int) -> bool:
        return bool(self.codes[index])

    def __len__(self) -> int:
        return int(torch.count_nonzero(self.codes))

    def reasons(self) -> dict[int, str]:
        """Reason of each skipped sample by its index, in order."""
        skipped = torch.nonzero(self.codes).flatten().tolist()
        return {index: SKIP_REASONS[int(self.codes[index]) - 1] for index in skipped}

    def usable(self) -> np.ndarray:
        """Indices of the samples not skipped so far, int64 of shape (n,)."""
        return np.flatnonzero(self.codes.numpy() == 0)
