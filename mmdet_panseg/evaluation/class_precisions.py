"""COCO's AP of each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from mmengine.logging import print_log
from terminaltables import AsciiTable

_HEADER = ('category', 'mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l')


def log_class_precisions(
    kind: str, names: Sequence[str], precision: npt.NDArray[np.float64], iou_thrs: npt.NDArray[np.float64]
) -> dict[str, float]:
    """Print mmdet's table of the classes to the log of the run.

    Args:
        kind: ``'bbox'`` or ``'segm'``.
        names: Names of the classes, in the order of ``precision``.
        precision: ``eval['precision']`` of an evaluation, shape ``(T, R, K, A, M)``.
        iou_thrs: Thresholds of the IoU, shape ``(T,)``.

    Returns:
        AP of each class by ``<kind>_<class>_precision``; NaN for a class without objects.
    """
    # All areas or one of three, with the largest number of instances.
    precision = precision[..., -1]
    at_50, at_75 = (iou_thrs == threshold for threshold in (0.5, 0.75))
    rows, figures = [], {}
    for place, name in enumerate(names):
        own = precision[:, :, place]
        parts = [own[..., 0], own[at_50, :, 0], own[at_75, :, 0], own[..., 1], own[..., 2], own[..., 3]]
        values = [round(_mean(part), 3) for part in parts]
        rows.append([name, *map(str, values)])
        figures[f'{kind}_{name}_precision'] = values[0]
    print_log('\n' + AsciiTable([_HEADER, *rows]).table, logger='current')
    return figures


def _mean(values: npt.NDArray[np.float64]) -> float:
    known = values[values > -1]
    return float(np.mean(known)) if known.size else float('nan')
