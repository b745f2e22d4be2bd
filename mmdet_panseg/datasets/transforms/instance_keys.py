"""The instances of a sample, as mmdet's ``LoadAnnotations`` leaves them."""

from __future__ import annotations

import numpy as np

INSTANCE_KEYS = ('gt_masks', 'gt_bboxes', 'gt_bboxes_labels', 'gt_ignore_flags')
"""Keys of a sample with one entry an instance."""


def keep_instances(results: dict, kept: np.ndarray) -> None:
    """Keeps some instances of a sample.

    Args:
        results: Sample; those of :data:`INSTANCE_KEYS` that it has are changed.
        kept: Indices of the instances that stay, int64, shape (K,).
    """
    for key in INSTANCE_KEYS:
        if key in results:
            results[key] = results[key][kept]
