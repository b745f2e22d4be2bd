"""Keys of the instances of a sample, loaded and packed."""

from __future__ import annotations

import numpy as np

INSTANCE_KEYS = ('gt_masks', 'gt_bboxes', 'gt_bboxes_labels', 'gt_ignore_flags')
"""Keys of a loaded sample with one entry an instance, as mmdet's ``LoadAnnotations`` leaves them."""

MASK_TARGET_KEY = 'mask_targets_{}'
"""Key of a packed sample's ``gt_instances`` for the mask targets at a stride."""


def keep_instances(results: dict, kept: np.ndarray) -> None:
    """Keep some instances of a sample.

    Args:
        results: Sample; those of :data:`INSTANCE_KEYS` that it has are changed.
        kept: Indices of the instances that stay, int64, shape (K,).
    """
    for key in INSTANCE_KEYS:
        if key in results:
            results[key] = results[key][kept]
