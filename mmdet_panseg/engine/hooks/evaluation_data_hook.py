"""Give metrics the data that they judge, and try the validation before the training."""

from __future__ import annotations

import torch
from mmdet.registry import HOOKS
from mmengine.dataset import BaseDataset
from mmengine.hooks import Hook
from mmengine.runner import Runner, ValLoop
from mmengine.runner.amp import autocast
from mmengine.runner.base_loop import BaseLoop
from torch.utils.data import Dataset


@HOOKS.register_module()
class EvaluationDataHook(Hook):
    """Hand the data sets of validation and test to the metrics that ask for them (``use_dataset``).

    It does so before the first step, so that an annotation file that does not fit ends a training at its start. So
    does what fails at the first image of the validation: in the pipeline, in the model or in a metric. Every process
    has the data set, and with it the ground truth.
    """

    def before_run(self, runner: Runner) -> None:
        """Connect the loops that are built."""
        for name in ('val', 'test'):
            loop = getattr(runner, f'_{name}_loop')
            if not isinstance(loop, BaseLoop):
                continue
            metrics = loop.evaluator.metrics
            for place, metric in enumerate(metrics):
                if hasattr(metric, 'use_dataset'):
                    where = f'{name}_evaluator[{place}]' if len(metrics) > 1 else f'{name}_evaluator'
                    metric.use_dataset(loop.dataloader.dataset, where)

    def before_train(self, runner: Runner) -> None:
        """Try the validation, with the weights that the training begins with."""
        loop = runner._val_loop
        if not isinstance(loop, BaseLoop):
            return
        learnt, judged = runner.train_dataloader.dataset, loop.dataloader.dataset
        if _have_same_images(learnt, judged):
            runner.logger.warning(
                f"val_dataloader.dataset has the images that are learnt ('{judged.ann_file}'): its figures say "
                'nothing about others.'
            )
        if isinstance(loop, ValLoop) and len(judged):
            _judge_first_image(runner, loop)


def _have_same_images(learnt: Dataset, judged: Dataset) -> bool:
    if not (isinstance(learnt, BaseDataset) and isinstance(judged, BaseDataset)):  # wrappers, or without files
        return False
    first, second = ((data.ann_file, data.data_prefix.get('img'), str(data._indices)) for data in (learnt, judged))
    return bool(judged.ann_file) and first == second


@torch.no_grad()
def _judge_first_image(runner: Runner, loop: ValLoop) -> None:
    """Load, predict and judge an image, and forget the result."""
    loader = loop.dataloader
    batch = loader.collate_fn([loader.dataset[0]])
    was_training = runner.model.training
    runner.model.eval()
    with autocast(enabled=loop.fp16):
        predictions = runner.model.val_step(batch)
    runner.model.train(was_training)
    loop.evaluator.process(data_samples=predictions, data_batch=batch)
    for metric in loop.evaluator.metrics:
        metric.results.clear()
