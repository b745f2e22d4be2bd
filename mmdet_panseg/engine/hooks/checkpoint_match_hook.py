"""Refuse checkpoints of another model, which mmengine would load without a word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmdet.registry import HOOKS
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from torch import nn

from mmdet_panseg.engine.checkpoints.matching import load_matching, require_match, weights_in
from mmdet_panseg.engine.errors import CheckpointError

from .class_count_hook import first_difference

_TRAINING_STATE = ('meta', 'message_hub', 'optimizer')


@HOOKS.register_module()
class CheckpointMatchHook(Hook):
    """Compare every checkpoint that the runner loads with the model, by loading it.

    For testing and for ``--resume`` every entry of the model must be in the file with its shape. For
    ``load_from`` in training a partial match is normal: it is told with counts, and only a file of which
    nothing matches is refused. A test refuses weights that are infinite or not a number. So that labels keep their
    meaning, a test and ``--resume`` refuse a checkpoint that has learnt the same classes in another order.

    Args:
        require_all: Whether every entry must be in the file although this is no resumed run; for testing.
    """

    def __init__(self, require_all: bool = False) -> None:
        self.require_all = require_all

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare; called by the runner between reading the file and loading it.

        Raises:
            CheckpointError: When the file does not fit; see the class.
        """
        name = str(runner._load_from or 'the checkpoint')
        resumed = bool(runner._resume)
        match = load_matching(runner.model, weights_in(checkpoint, name))
        require_match(match, name, complete=self.require_all or resumed)
        warning = _compare_classes(checkpoint, runner, name, refuse=self.require_all or resumed)
        if warning is not None:
            runner.logger.warning(warning)
        if self.require_all:
            _require_finite(runner.model, name)
        if resumed:
            absent = [key for key in _TRAINING_STATE if key not in checkpoint]
            if absent:
                raise CheckpointError(
                    f'{name}: holds no training state to resume ({", ".join(absent)} missing); '
                    'to start from its weights, set load_from in the config instead of --resume.'
                )
            if 'ema_state_dict' in checkpoint and not any(isinstance(hook, EMAHook) for hook in runner.hooks):
                runner.logger.warning(
                    f'{name}: training goes on from averaged weights; to go on as before, keep the hook that averages.'
                )
        if not match.complete or match.unexpected:
            runner.logger.warning(f'{name}: {match.matched} entries match; {match.describe()}.')


def _compare_classes(checkpoint: Mapping[str, Any], runner: Runner, name: str, refuse: bool) -> str | None:
    """Compare the classes that were learnt with those of the data, as far as both have as many."""
    learnt = ((checkpoint.get('meta') or {}).get('dataset_meta') or {}).get('classes') or ()
    loops = dict(test=runner._test_loop, train=runner._train_loop)
    mode, loop = next(((mode, loop) for mode, loop in loops.items() if isinstance(loop, BaseLoop)), ('', None))
    classes = getattr(loop.dataloader.dataset, 'metainfo', {}).get('classes') or () if loop else ()
    number = min(len(learnt), len(classes))  # one may have stuff too, which comes behind the things
    where = first_difference(learnt[:number], classes[:number], name, f'{mode}_dataloader.dataset')
    if where is None or (len(learnt) != len(classes) and not refuse):  # a classifier that starts anew
        return None
    if refuse and sorted(map(str, learnt[:number])) == sorted(map(str, classes[:number])):
        raise CheckpointError(
            f"The classes are in different orders: {where}. Give 'categories' of the annotation file the order of the "
            f'checkpoint: {", ".join(map(str, learnt))}.'
        )
    return f'Other class names than the checkpoint has learnt: {where}.'


def _require_finite(model: nn.Module, name: str) -> None:
    broken = [key for key, value in model.state_dict().items() if not torch.isfinite(value).all()]
    if broken:
        raise CheckpointError(
            f'{name}: {len(broken)} entries are infinite or not a number, such as {broken[0]}; the training that wrote '
            'it had failed: take an earlier checkpoint.'
        )
