"""Packing of a sample for the network."""

import torch
from mmdet.datasets.transforms import PackDetInputs
from mmdet.registry import TRANSFORMS

MASK_TARGET_KEY = 'mask_targets_{}'
"""Key of ``gt_instances`` for the mask targets at a stride."""


@TRANSFORMS.register_module()
class PackPanopticInputs(PackDetInputs):
    """mmdet's ``PackDetInputs``, with what ``FixClassGT`` adds.

    ``gt_instances`` gets ``areas``, ``centers`` and a field ``mask_targets_S`` for each stride S. Full masks are left
    out once there are targets: the head does not need them, and they are most of what travels between the processes.

    Args:
        keep_masks: Whether full masks are packed beside the targets.
        **kwargs: Arguments of ``PackDetInputs``.
    """

    def __init__(self, keep_masks: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self.keep_masks = keep_masks

    def transform(self, results: dict) -> dict:
        """Pack one sample."""
        targets = results.get('gt_mask_targets', {})
        if targets and not self.keep_masks:
            results = {key: value for key, value in results.items() if key != 'gt_masks'}
        packed = super().transform(results)
        if 'gt_areas' not in results:
            return packed
        valid = results['gt_ignore_flags'] == 0
        instances = packed['data_samples'].gt_instances
        instances.areas = torch.from_numpy(results['gt_areas'][valid])
        instances.centers = torch.from_numpy(results['gt_centers'][valid])
        for stride, masks in targets.items():
            instances[MASK_TARGET_KEY.format(stride)] = torch.from_numpy(masks[valid])
        return packed

    def __repr__(self) -> str:
        return f'{type(self).__name__}(keep_masks={self.keep_masks}, meta_keys={self.meta_keys})'
