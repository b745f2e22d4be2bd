"""Name the images that training had to skip."""

from __future__ import annotations

from mmdet.registry import HOOKS
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmdet_panseg.datasets.wrappers import iter_datasets

NAMES_SHOWN = 50


@HOOKS.register_module()
class SkippedSamplesHook(Hook):
    """Print, after training, number, names and faults of the images that ``CheckedCocoDataset`` skipped.

    Skips of all loader workers and of all training processes are counted together.
    """

    def after_train(self, runner: Runner) -> None:
        """Log a warning for each data set with skipped images."""
        for dataset in iter_datasets(runner.train_dataloader.dataset):
            skipped = getattr(dataset, 'skipped', None)
            if skipped is None:
                continue
            codes = skipped.codes.int()
            # Every process loads its own share; which images failed is known to the one that met them.
            all_reduce(codes, op='max')
            skipped.codes.copy_(codes)
            if len(skipped):
                runner.logger.warning(describe_skipped(dataset))


def describe_skipped(dataset: Dataset) -> str:
    """List the skipped images of a ``CheckedCocoDataset``.

    Args:
        dataset: Data set with ``skipped`` and ``get_data_info``.

    Returns:
        One line with the number, then one line an image.
    """
    faults = dataset.skipped.faults()
    lines = [f'{len(faults)} of {len(dataset)} training images were skipped because their files are unusable:']
    for index, (reason, path_key) in list(faults.items())[:NAMES_SHOWN]:
        lines.append(f'  {reason:<12} {dataset.get_data_info(index)[path_key]}')
    if len(faults) > NAMES_SHOWN:
        lines.append(f'  and {len(faults) - NAMES_SHOWN} more')
    return '\n'.join(lines)
