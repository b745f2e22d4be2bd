"""Confusion matrix of semantic segmentation, and the measures that follow from it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .map_values import VOID_LABEL
from .pixel_pairs import count_pixel_pairs


class SemanticQuality(NamedTuple):
    """Measures of semantic segmentation, all from 0 to 1.

    Attributes:
        iou: Intersection over union of each class, NaN where neither ground truth nor prediction has it, float64,
            shape ``(K,)``.
        accuracy: Share of each class's pixels that are predicted as it, NaN where the ground truth does not have it,
            float64, shape ``(K,)``.
        mean_iou: Mean of ``iou`` over the classes that are not NaN; NaN if all are.
        mean_accuracy: Mean of ``accuracy`` likewise.
        pixel_accuracy: Share of all pixels that are right; NaN without pixels.
    """

    iou: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]
    mean_iou: float
    mean_accuracy: float
    pixel_accuracy: float


def confusion_matrix(
    gt_labels: npt.NDArray[np.integer],
    pred_labels: npt.NDArray[np.integer],
    num_classes: int,
    void: int = VOID_LABEL,
) -> npt.NDArray[np.int64]:
    """Count the pixels of each pair of true and predicted class.

    Args:
        gt_labels: Labels of the ground truth, shape ``(H, W)``.
        pred_labels: Predicted labels, shape ``(H, W)``.
        num_classes: Number of classes K.
        void: Label of pixels of the ground truth that are left out; predictions cannot have it.

    Returns:
        Number of pixels by true class (row) and predicted class (column), int64, shape ``(K, K)``.

    Raises:
        ValueError: If the shapes differ, or a label is outside 0 to K - 1.
    """
    pairs = count_pixel_pairs(gt_labels, pred_labels)
    valid = pairs.first != void
    for name, labels in (('ground truth', pairs.first[valid]), ('predicted', pairs.second)):
        if len(labels) and labels.max() >= num_classes:
            raise ValueError(f'{name} label {labels.max()}, but with {num_classes} classes labels are below that')
    matrix = np.zeros((num_classes, num_classes), np.int64)
    matrix[pairs.first[valid], pairs.second[valid]] = pairs.counts[valid]
    return matrix


def semantic_quality(matrix: npt.NDArray[np.int64]) -> SemanticQuality:
    """Compute IoU and accuracies from a confusion matrix.

    Classes that never occur are NaN and left out of the means. A class that is predicted but not in the ground truth
    has IoU 0 and does count.

    Args:
        matrix: Pixels by true class (row) and predicted class (column), shape ``(K, K)``.

    Returns:
        The measures.
    """
    right, truth, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    iou = _share(right, truth + predicted - right)
    accuracy = _share(right, truth)
    return SemanticQuality(
        iou=iou,
        accuracy=accuracy,
        mean_iou=_mean(iou),
        mean_accuracy=_mean(accuracy),
        pixel_accuracy=float(_share(right.sum(keepdims=True), truth.sum(keepdims=True))[0]),
    )


def _share(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def _mean(values: npt.NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float('nan')
