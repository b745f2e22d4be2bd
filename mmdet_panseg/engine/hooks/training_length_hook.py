"""What does not go with the length of a training."""

from __future__ import annotations

from collections.abc import Iterator

from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.optim import ConstantParamScheduler, LinearParamScheduler
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner


@HOOKS.register_module()
class TrainingLengthHook(Hook):
    """Warn of a training without steps, or with another length than its schedule.

    It looks after a checkpoint was loaded, which brings its own schedule along.
    """

    def before_train(self, runner: Runner) -> None:
        """Compare schedule and steps so far with the length of the training."""
        for warning in (*_length_warnings(runner), *_schedule_warnings(runner)):
            runner.logger.warning(warning)


def _length_warnings(runner: Runner) -> Iterator[str]:
    by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
    done, length = (runner.epoch, runner.max_epochs) if by_epoch else (runner.iter, runner.max_iters)
    if done >= length:
        key, steps = ('max_epochs', 'epochs') if by_epoch else ('max_iters', 'iterations')
        yield (
            f'{runner._load_from}: has {done} of {length} {steps} already, so that there is nothing to train; to train '
            f'longer, name it in load_from, set train_cfg.{key}, and do not resume.'
        )


def _schedule_warnings(runner: Runner) -> Iterator[str]:
    schedulers = runner.param_schedulers if isinstance(runner.param_schedulers, list) else []
    if runner._resume:
        remedy = 'it is that of the checkpoint; for a new one, name the checkpoint in load_from and do not resume'
    else:
        remedy = 'leave end out, or correct it'
    reached = 0.0
    for place, scheduler in enumerate(schedulers):
        where = f'param_scheduler[{place}] ({type(scheduler).__name__})'
        if scheduler.by_epoch and isinstance(runner.train_loop, IterBasedTrainLoop):
            yield f'{where} counts epochs, and train_cfg iterations, so that it changes nothing: set by_epoch=False.'
            return
        length, steps = (runner.max_epochs, 'epochs') if scheduler.by_epoch else (runner.max_iters, 'iterations')
        told = f'{where} ends after {scheduler.end} {steps}, the training after {length}: {remedy}.'
        if scheduler.end > length:
            yield told
        if scheduler.end / length >= reached:
            reached, latest = scheduler.end / length, (scheduler, told)
    if 0 < reached < 1 and not isinstance(latest[0], (LinearParamScheduler, ConstantParamScheduler)):  # a warm-up
        yield latest[1]
