"""Packing of a sample for the network."""

from __future__ import annotations

import numpy as np
import torch
from mmdet.datasets.transforms import PackDetInputs
from mmdet.registry import TRANSFORMS
from mmengine.structures import PixelData

from .instance_keys import MASK_TARGET_KEY


@TRANSFORMS.register_module()
class PackPanopticInputs(PackDetInputs):
    """mmdet's ``PackDetInputs``, with what ``FixClassGT`` adds.

    ``gt_instances`` gets ``areas``, ``centers`` and a field ``mask_targets_S`` for each stride S. Full masks are left
    out once there are targets: the head does not need them, and they are most of what travels between the processes.

    ``gt_sem_seg.sem_seg`` is the semantic map, uint8 labels, things then stuff, void 255, shape (1, H, W). Where the
    sample still has its segment map (``LoadPanopticSegments`` without ``FixClassGT``, as at test time), there is also
    ``gt_panoptic_seg`` with the map as ``sem_seg``, int32 rows, shape (1, H, W), and their ``SegmentTable`` as
    ``segments`` of its meta information.

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
        segment_map, table = results.get('gt_seg_map'), results.get('gt_segments')
        if table is not None:
            results = {**results, 'gt_seg_map': table.semantic_map(segment_map)}
        if targets and not self.keep_masks:
            results = {key: value for key, value in results.items() if key != 'gt_masks'}
        packed = super().transform(results)
        if table is not None:
            rows = torch.from_numpy(segment_map[None].astype(np.int32))
            packed['data_samples'].gt_panoptic_seg = PixelData(sem_seg=rows, metainfo=dict(segments=table))
        if 'gt_areas' not in results:
            return packed
        valid = results['gt_ignore_flags'] == 0
        instances = packed['data_samples'].gt_instances
        instances.areas = torch.from_numpy(results['gt_areas'][valid])
        instances.centers = torch.from_numpy(results['gt_centers'][valid])
        for stride, masks in targets.items():
            instances[MASK_TARGET_KEY.format(stride)] = masks[valid]
        return packed

    def __repr__(self) -> str:
        return f'{type(self).__name__}(keep_masks={self.keep_masks}, meta_keys={self.meta_keys})'
