"""Maps of a data sample, with errors that say what the pipeline or the model lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from mmdet_panseg.ops import SegmentTable

from .errors import EvaluationError

_ABSENT = {
    'gt_panoptic_seg': "its pipeline needs dict(type='LoadPanopticSegments') before PackPanopticInputs and no "
    'FixClassGT, and the image needs an annotation',
    'gt_sem_seg': "its pipeline needs dict(type='LoadPanopticSegments') or dict(type='LoadAnnotations', with_seg=True) "
    'before PackPanopticInputs, and the image needs an annotation',
    'pred_panoptic_seg': 'give the model a fusion_head, or take PanopticQualityMetric out of the evaluator',
    'pred_sem_seg': 'give the model a semantic_head, or take SemanticIoUMetric out of the evaluator',
}


def image_of(sample: Mapping[str, Any]) -> str:
    """Name of a data sample's image in error texts."""
    return str(sample.get('img_path') or f'image {sample.get("img_id", "without id")}')


def read_map(sample: Mapping[str, Any], key: str) -> npt.NDArray[np.integer]:
    """Read a map of a data sample.

    Args:
        sample: Data sample as a dict, as metrics get it.
        key: ``gt_panoptic_seg``, ``gt_sem_seg``, ``pred_panoptic_seg`` or ``pred_sem_seg``.

    Returns:
        Its ``sem_seg``, shape ``(H, W)``.

    Raises:
        EvaluationError: If it is not there; the text says which step of the pipeline or part of the model is missing.
    """
    values = (sample.get(key) or {}).get('sem_seg')
    if values is None:
        raise EvaluationError(f'{image_of(sample)}: the data sample has no {key}.sem_seg; {_ABSENT[key]}.')
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().numpy()
    return values.reshape(values.shape[-2:])


def read_maps(sample: Mapping[str, Any], kind: str) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]:
    """Read ground truth and prediction of a data sample.

    Args:
        sample: Data sample as a dict.
        kind: ``panoptic_seg`` or ``sem_seg``.

    Returns:
        ``gt_<kind>`` and ``pred_<kind>``, both of shape ``(H, W)``.

    Raises:
        EvaluationError: If one is not there, or they have different sizes.
    """
    truth, predicted = read_map(sample, f'gt_{kind}'), read_map(sample, f'pred_{kind}')
    if truth.shape != predicted.shape:
        raise EvaluationError(
            f'{image_of(sample)}: gt_{kind} has height and width {truth.shape}, pred_{kind} {predicted.shape}. '
            'Predictions have the size of the image file; load the annotations after Resize, so that they keep it too.'
        )
    return truth, predicted


def segment_table(sample: Mapping[str, Any]) -> SegmentTable:
    """Read the table of a data sample's segment map.

    Args:
        sample: Data sample as a dict.

    Returns:
        The table.

    Raises:
        EvaluationError: If it is not there.
    """
    table = sample['gt_panoptic_seg'].get('segments')
    if not isinstance(table, SegmentTable):
        raise EvaluationError(
            f"{image_of(sample)}: gt_panoptic_seg has no 'segments'; load it by LoadPanopticSegments and pack it by "
            'PackPanopticInputs.'
        )
    return table
