"""Start from a checkpoint that was trained on other classes."""

from __future__ import annotations

from collections.abc import Sequence

from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from torch import nn

from mmdet_panseg.engine.checkpoints.matching import load_matching, weights_in
from mmdet_panseg.engine.errors import CheckpointError
from mmdet_panseg.errors import ConfigError, near_names


@HOOKS.register_module()
class FineTuningHook(Hook):
    """Start some modules anew where ``load_from`` does not fit them, and insist on all else.

    A module that differs from the file in the shape of an entry, or that the file lacks, keeps its initial weights, as
    the classifier for another number of classes does. One that fits is loaded, so that a training may also start from
    a checkpoint with the same classes. One log line says which. Tests and resumed trainings load everything.

    Args:
        anew: Names of the modules, such as ``mask_head.conv_cls``.
    """

    priority = 'ABOVE_NORMAL'  # CheckpointMatchHook and averaged weights then see what this one leaves

    def __init__(self, anew: Sequence[str]) -> None:
        self.anew = tuple(anew)

    def before_run(self, runner: Runner) -> None:
        """Check the settings.

        Raises:
            ConfigError: If there is no checkpoint to start from, or no such module.
        """
        if not _starts_training(runner):
            return
        if runner._load_from is None:
            raise ConfigError('load_from is None, but this is fine-tuning: name the checkpoint to start from.')
        modules = dict(_unwrapped(runner).named_modules())
        for name in self.anew:
            if name not in modules:
                raise ConfigError(f'FineTuningHook: anew: the model has no {name!r}.{near_names(name, modules)}')

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Put the initial weights into the checkpoint where it does not fit; the runner loads it after that.

        Raises:
            CheckpointError: If it does not fit elsewhere.
        """
        if not _starts_training(runner):
            return
        name, model = str(runner._load_from), _unwrapped(runner)
        weights, initial = weights_in(checkpoint, name), model.state_dict()
        started = {}
        for module in self.anew:
            keys = [key for key in initial if key.startswith(f'{module}.')]
            if any(getattr(weights.get(key), 'shape', None) != initial[key].shape for key in keys):
                started[module] = keys
                weights.update((key, initial[key]) for key in keys)
        match = load_matching(model, weights)
        if not match.complete:
            raise CheckpointError(
                f'{name}: does not fit this model, even without {", ".join(self.anew)}: {match.describe()}. Use the '
                "recipe of the file's head, and leave num_grids, stacked_convs and channels as they are there."
            )
        checkpoint['state_dict'] = weights
        runner.logger.info(
            f'{name}: {", ".join(started) or "nothing"} started anew; '
            f'everything else, {match.matched - sum(map(len, started.values()))} entries, was loaded.'
        )


def _starts_training(runner: Runner) -> bool:
    # The loop of training is a config until it is used.
    return isinstance(runner._train_loop, BaseLoop) and not runner._resume


def _unwrapped(runner: Runner) -> nn.Module:
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
