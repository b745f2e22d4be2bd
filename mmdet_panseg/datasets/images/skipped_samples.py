"""Which samples of a data set were skipped in training, counted over all loader processes."""

from __future__ import annotations

import torch

SKIP_REASONS = ('unreadable', 'truncated', 'undecodable', 'wrong size', 'too thin')
PATH_KEYS = ('img_path', 'seg_map_path')
_CODES = [(reason, path_key) for path_key in PATH_KEYS for reason in SKIP_REASONS]


class SkippedSamples:
    """One flag a sample, in shared memory: what a loader worker marks, the training process sees.

    Args:
        length: Number of samples.

    Attributes:
        codes: uint8 tensor of shape (length,): 0 for a good sample, else 1 + index in the pairs of a reason and a file.
    """

    def __init__(self, length: int) -> None:
        self.codes = torch.zeros(length, dtype=torch.uint8).share_memory_()

    def __deepcopy__(self, memo: dict) -> SkippedSamples:
        # A plain deep copy of a tensor leaves shared memory, and mmengine's runner copies data sets.
        copied = SkippedSamples(len(self.codes))
        copied.codes.copy_(self.codes)
        return copied

    def mark(self, index: int, reason: str, path_key: str = 'img_path') -> None:
        """Mark a sample as skipped for a reason of :data:`SKIP_REASONS` and a file of :data:`PATH_KEYS`."""
        self.codes[index] = 1 + _CODES.index((reason, path_key))

    def __contains__(self, index: int) -> bool:
        return bool(self.codes[index])

    def __len__(self) -> int:
        return int(torch.count_nonzero(self.codes))

    def faults(self) -> dict[int, tuple[str, str]]:
        """Reason of each skipped sample, and the key of the file at fault, by its index, in order."""
        skipped = torch.nonzero(self.codes).flatten().tolist()
        return {index: _CODES[int(self.codes[index]) - 1] for index in skipped}
