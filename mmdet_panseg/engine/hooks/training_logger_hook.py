"""Logs often enough in short trainings."""

from __future__ import annotations

from typing import Any

from mmdet.registry import HOOKS
from mmengine.hooks import LoggerHook
from mmengine.runner import Runner


@HOOKS.register_module()
class TrainingLoggerHook(LoggerHook):
    """mmengine's ``LoggerHook``, whose interval follows from the length of the training.

    Args:
        interval: Iterations between two records. None for every 50 iterations and at least four times in a training.
        **kwargs: Other arguments of ``LoggerHook``.
    """

    def __init__(self, interval: int | None = None, **kwargs: Any) -> None:
        super().__init__(interval or 50, **kwargs)
        self.follows = interval is None

    def before_train(self, runner: Runner) -> None:
        """Settle the interval if the config leaves it open.

        Args:
            runner: The runner.
        """
        if self.follows:
            self.interval = max(1, min(self.interval, runner.max_iters // 4))
