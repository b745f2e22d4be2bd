"""Give metrics the data that they judge."""

from __future__ import annotations

from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop


@HOOKS.register_module()
class EvaluationDataHook(Hook):
    """Hand the data sets of validation and test to the metrics that ask for them (``use_dataset``).

    It does so before the first step, so that an annotation file that does not fit ends a training at its start, as does
    a pipeline that cannot load the first image of the validation. Every process has the data set, and with it the
    ground truth.
    """

    def before_run(self, runner: Runner) -> None:
        """Connect the loops that are built."""
        for name in ('val', 'test'):
            loop = getattr(runner, f'_{name}_loop')
            if not isinstance(loop, BaseLoop):
                continue
            if name == 'val' and len(loop.dataloader.dataset):
                loop.dataloader.dataset[0]  # what is wrong with the pipeline would show at the end of an epoch
            metrics = loop.evaluator.metrics
            for place, metric in enumerate(metrics):
                if hasattr(metric, 'use_dataset'):
                    where = f'{name}_evaluator[{place}]' if len(metrics) > 1 else f'{name}_evaluator'
                    metric.use_dataset(loop.dataloader.dataset, where)
