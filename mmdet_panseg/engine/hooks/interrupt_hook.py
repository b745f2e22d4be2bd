"""End a training in good order on Ctrl-C or SIGTERM."""

from __future__ import annotations

import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from mmdet.registry import HOOKS
from mmengine.dist import all_reduce, get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmdet_panseg.engine.checkpoints.resuming import find_resume_checkpoint
from mmdet_panseg.engine.errors import InterruptedTrainingError

from .atomic_checkpoint_hook import AtomicCheckpointHook

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# With several processes all must stop after the same iteration, and asking them costs time.
_ASKED_EVERY = 10


@contextmanager
def signals_restored() -> Iterator[None]:
    """Give the signals back to those who had them, however a training ends."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)


@HOOKS.register_module()
class InterruptHook(Hook):
    """Finish the iteration that a signal falls into, write a checkpoint, and say how to go on.

    A second signal ends the process at once. A training that counts epochs goes on from its last whole one. During a
    validation nothing is written. Training goes within :func:`signals_restored`.
    """

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.signal: int | None = None

    def before_train(self, runner: Runner) -> None:
        """Catch the signals, which the main thread alone may do."""
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        for caught in _SIGNALS:
            signal.signal(caught, signal.SIG_DFL)

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Stop here if a process got a signal."""
        if self._anywhere(runner.iter):
            for hook in runner.hooks:
                if isinstance(hook, AtomicCheckpointHook) and not hook.by_epoch:
                    hook.save_now(runner)
            self._stop(runner, runner.iter + 1)

    def after_val_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Stop a validation, after which nobody asks."""
        if self.signal is not None and get_world_size() == 1:
            self._stop(runner, runner.iter)

    def _anywhere(self, iteration: int) -> bool:
        if get_world_size() == 1:
            return self.signal is not None
        if (iteration + 1) % _ASKED_EVERY:
            return False
        found = torch.tensor([self.signal or 0])
        all_reduce(found, op='max')
        self.signal = int(found) or None
        return self.signal is not None

    def _stop(self, runner: Runner, done: int) -> None:
        number, self.signal = self.signal, None
        found = find_resume_checkpoint(runner.work_dir) if is_main_process() else None
        how = 'there is no checkpoint to go on from.'
        if found is not None and done >= runner.max_iters:
            how = (
                f'that was the last one: tools/test.py with the config and {runner.work_dir} tests what it has learnt.'
            )
        elif found is not None:
            how = f'{_resuming_command()} goes on from {Path(found).name}.'
        raise InterruptedTrainingError(f'at iteration {done}; {how}', number or signal.SIGINT)


def _resuming_command() -> str:
    words = [Path(sys.executable).name, *sys.argv]
    return shlex.join(words if '--resume' in words else [*words, '--resume'])
