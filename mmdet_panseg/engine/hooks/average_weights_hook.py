"""Validate, test and save a running average of the weights."""

from __future__ import annotations

from mmdet.registry import HOOKS
from mmengine.hooks import EMAHook
from mmengine.runner import Runner

from mmdet_panseg.errors import ConfigError


@HOOKS.register_module()
class AverageWeightsHook(EMAHook):
    """mmengine's ``EMAHook``, whose average follows the length of the training.

    The average is over about the last tenth of the iterations so far, at every moment: after 1000 iterations 100, after
    90000 iterations 9000. Statistics of batch norm are averaged alike, as those of the last weights do not fit others.
    Validation has the averaged weights, and they are the ``state_dict`` of every checkpoint, the best one's too; those
    that the training goes on from are kept beside them for ``--resume``.

    Where mmengine's hook copies and loads the weights a second time in a test, which fails for files without a
    ``state_dict`` and leaves random weights where names have a prefix, this one does nothing there.

    Args:
        window: Length of the average as a share of the iterations so far, above 0 and at most 1.
    """

    # After CheckpointMatchHook, so that a checkpoint of another model is refused with names and shapes.
    priority = 'BELOW_NORMAL'

    def __init__(self, window: float = 0.1) -> None:
        if not 0 < window <= 1:
            raise ConfigError(f'{type(self).__name__}.window={window}: must be above 0 and at most 1.')
        # The average at iteration t takes 1 / (1 + window t) of the new weights, and never less than the momentum.
        super().__init__('MomentumAnnealingEMA', gamma=1 / window, momentum=1e-9, update_buffers=True)
        self.ema_model = None

    def before_run(self, runner: Runner) -> None:
        """Leave it to the training to make the average."""

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Go on with the average of a resumed training; other weights are loaded into the model alone."""
        if runner._resume:
            super().before_run(runner)
            super().after_load_checkpoint(runner, checkpoint)

    def before_train(self, runner: Runner) -> None:
        """Begin the average with the weights that the training begins with."""
        if self.ema_model is None:
            super().before_run(runner)

    def _swap_ema_parameters(self) -> None:
        if self.ema_model is not None:  # not in a test
            super()._swap_ema_parameters()
