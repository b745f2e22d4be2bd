"""End a training that no longer gets better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmdet.registry import HOOKS
from mmengine.hooks import EarlyStoppingHook
from mmengine.runner import IterBasedTrainLoop, Runner

from mmdet_panseg.errors import ConfigError

from .watched_metric import require_evaluator_of, watched_metric

_STATE = 'stop_early'


@HOOKS.register_module()
class StopEarlyHook(EarlyStoppingHook):
    """mmengine's ``EarlyStoppingHook`` with these differences.

    - An improvement is .001, not .1, as AP and PQ are from 0 to 1 here.
    - A metric that the validation does not have is an error, where mmengine goes on in silence. A validation in which
      the model finds nothing has no table of AP; it is passed over.
    - A resumed training remembers the validations before, and one that had stopped stays so.
    - Tests do not load the training data.

    ``AtomicCheckpointHook`` saves the last state also between two checkpoints.

    Args:
        monitor: Name of the metric, such as ``coco/segm_mAP`` or ``coco_panoptic/PQ``.
        rule: ``greater`` or ``less``, whichever is better.
        min_delta: Smallest difference that is an improvement.
        **kwargs: ``patience`` (validations without improvement, default 5) and others of ``EarlyStoppingHook``.
    """

    # Before the checkpoint hook, which writes the last checkpoint again when a validation was the best.
    priority = 'LOW'

    def __init__(self, monitor: str, rule: str = 'greater', min_delta: float = 0.001, **kwargs: Any) -> None:
        super().__init__(monitor, rule, min_delta, **kwargs)
        self._setting = f'{type(self).__name__}.monitor'

    def before_run(self, runner: Runner) -> None:
        """Leave a test alone: mmengine would load the training data there."""

    def before_train(self, runner: Runner) -> None:
        """Check that there are validations of this metric, and remember those before a resumption.

        Raises:
            ConfigError: If nothing of the kind could stop the training.
        """
        require_evaluator_of(self.monitor, runner, self._setting)
        loop = runner.train_loop
        if loop.val_interval >= (loop.max_iters if isinstance(loop, IterBasedTrainLoop) else loop.max_epochs):
            raise ConfigError(
                f'train_cfg.val_interval={loop.val_interval}: the only validation is at the end, too late for '
                f'{type(self).__name__}; set train_cfg=dict(val_interval=...) to a part of the training.'
            )
        if _STATE in runner.message_hub.runtime_info:
            self.best_score, self.wait_count = runner.message_hub.get_info(_STATE)
            loop.stop_training = self.wait_count >= self.patience

    def after_val_epoch(self, runner: Runner, metrics: Mapping[str, float]) -> None:
        """Decide whether to stop.

        Raises:
            ConfigError: If the validation does not have the metric.
        """
        if watched_metric(self.monitor, metrics, self._setting) is not None:
            super().after_val_epoch(runner, metrics)
            if runner.train_loop.stop_training:
                self.wait_count = max(self.wait_count, self.patience)  # whatever the reason
            runner.message_hub.update_info(_STATE, [float(self.best_score), self.wait_count])
