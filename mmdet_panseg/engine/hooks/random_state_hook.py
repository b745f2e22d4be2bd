"""Random numbers that do not depend on interruptions and loader processes."""

from __future__ import annotations

from typing import Any

import torch
from mmdet.registry import HOOKS
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner
from torch.utils.data import IterableDataset

from mmdet_panseg.datasets.repeatable_batches import RepeatableBatches, set_random_state

_SAMPLER_SEED = 'sampler_seed'


@HOOKS.register_module()
class RandomStateHook(Hook):
    """Derive all random numbers of a training from its seed and the iteration, so that no state has to be saved.

    - Each sample begins with random numbers of its own (:class:`.RepeatableBatches`): a resumed training augments as
      one that was never interrupted, with any number of loader processes.
    - So does each iteration of the model: dropout, and whatever else it draws. As in mmengine, processes have the same
      there unless ``randomness.diff_rank_seed`` is set.
    - The order of the samples, for which the runner may draw a seed, goes on when a training is resumed. Where the
      training counts iterations, those before are passed over without loading their images.

    Of transforms that keep images for later ones (mmdet's ``CachedMosaic``) and loaders of an ``IterableDataset`` this
    does not hold.
    """

    # before hooks that draw random numbers for the iteration
    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """Give the batches of the loader, which has not begun yet, their numbers."""
        loop = runner.train_loop
        loader = loop.dataloader
        if loader.batch_sampler is None or isinstance(loader.dataset, IterableDataset):
            return
        endless = isinstance(loop, IterBasedTrainLoop)
        batches = RepeatableBatches(loader.batch_sampler, runner.seed, get_rank(), runner.iter, endless)
        _keep_order(runner, batches.sampler)
        # torch forbids to replace it, as a loader that has begun would not follow
        object.__setattr__(loader, 'batch_sampler', batches)
        if endless:
            # the batches begin behind those of the iterations so far
            loop.dataloader_iterator.skip_iter = lambda num_iters: None

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Begin the random numbers of an iteration, after its batch was loaded."""
        set_random_state(runner.seed, runner.iter)
        torch.manual_seed(torch.initial_seed())  # on accelerators as on the CPU


def _keep_order(runner: Runner, sampler: Any) -> None:
    """Give the sampler of a resumed training the seed that it had; it was built before the checkpoint was read."""
    if not isinstance(getattr(sampler, 'seed', None), int):
        return
    if runner._resume and _SAMPLER_SEED in runner.message_hub.runtime_info:
        sampler.seed = runner.message_hub.get_info(_SAMPLER_SEED)
    runner.message_hub.update_info(_SAMPLER_SEED, sampler.seed)
