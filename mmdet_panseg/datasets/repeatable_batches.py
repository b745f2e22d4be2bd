"""Batches whose random numbers follow from their place in the training, whichever process loads them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import Sampler

from mmdet_panseg.errors import ConfigError


def set_random_state(*key: int) -> None:
    """Begin random numbers that follow from a few numbers: those of Python, of numpy and of torch on the CPU.

    Args:
        *key: Numbers of at least 0; zeros at the end make no difference.
    """
    for_python, for_numpy, for_torch = np.random.SeedSequence(key).generate_state(3).tolist()
    random.seed(for_python)
    np.random.seed(for_numpy)
    # torch.manual_seed would also look for accelerators, a hundred times slower
    torch.default_generator.manual_seed(for_torch)


@dataclass(frozen=True)
class SeededIndices:
    """Indices of a batch, each of which begins the random numbers of its sample when its turn comes.

    torch goes through the indices of a batch and loads one sample after the other, in a worker or in the training
    process; so no data set has to know of it.

    Attributes:
        indices: What the data set is indexed with.
        key: Numbers that name the batch.
    """

    indices: Sequence[Any]
    key: tuple[int, ...]

    def __iter__(self) -> Iterator[Any]:
        for place, index in enumerate(self.indices, start=1):
            set_random_state(*self.key, place)
            yield index


class RepeatableBatches(Sampler):
    """Batches of a sampler, each with the random numbers of its iteration.

    Args:
        batches: Batch sampler that gives the same order whenever it has the same seed and epoch.
        seed: Seed of the run.
        rank: Number of this process.
        iteration: Iterations so far.
        endless: Whether there are no epochs: the samples begin anew when they have come to an end, and those of the
            iterations so far are left out, without being loaded.
    """

    def __init__(self, batches: Sampler, seed: int, rank: int, iteration: int = 0, endless: bool = False) -> None:
        self.batches, self.seed, self.rank = batches, seed, rank
        self.iteration, self.endless = iteration, endless
        # mmengine asks for these
        self.sampler, self.batch_size = getattr(batches, 'sampler', None), getattr(batches, 'batch_size', None)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[SeededIndices]:
        batches = itertools.islice(self._all_batches(), self.iteration, None) if self.endless else self.batches
        for indices in batches:
            key = (self.seed, self.iteration, self.rank)
            self.iteration += 1
            yield SeededIndices(indices, key)

    def _all_batches(self) -> Iterator[Sequence[Any]]:
        for epoch in itertools.count():
            if hasattr(self.sampler, 'set_epoch'):
                self.sampler.set_epoch(epoch)
            empty = True
            for indices in self.batches:
                empty = False
                yield indices
            if empty:
                raise ConfigError('train_dataloader: there is no whole batch; lower batch_size, or drop_last=False.')
