"""Training without crowd regions."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS

from .instance_keys import keep_instances


@TRANSFORMS.register_module()
class RemoveCrowds(BaseTransform):
    """Make crowds void, in instances and semantic labels alike.

    With ``LoadPanopticSegments`` this is an edit of the segment table. With mmdet's ``LoadAnnotations`` the instances
    with an ignore flag are dropped; a semantic map of such data does not tell crowds from objects and stays.

    Stands after loading. Belongs into training pipelines only: panoptic quality must know the crowds.

    Required keys: ``gt_segments`` or ``gt_ignore_flags``. Modified keys: ``gt_segments``, or ``gt_masks``,
    ``gt_bboxes``, ``gt_bboxes_labels`` and ``gt_ignore_flags``.
    """

    def transform(self, results: dict) -> dict:
        """Edit one sample.

        Raises:
            KeyError: If nothing is loaded.
        """
        if 'gt_segments' in results:
            table = results['gt_segments']
            results['gt_segments'] = table.void(table.is_crowd)
        elif 'gt_ignore_flags' in results:
            keep_instances(results, np.flatnonzero(~results['gt_ignore_flags'].astype(bool)))
        else:
            raise KeyError('RemoveCrowds: put LoadPanopticSegments or LoadAnnotations(with_bbox=True) before it')
        return results
