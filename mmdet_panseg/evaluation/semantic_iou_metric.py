"""Intersection over union of semantic segmentation over a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from mmdet.registry import METRICS
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmdet_panseg.ops import confusion_matrix, semantic_quality

from .classes import class_names
from .confusion_matrix_picture import draw_confusion_matrix
from .errors import EvaluationError
from .sample_maps import image_of, read_maps
from .tables import log_classwise, log_table


@METRICS.register_module()
class SemanticIoUMetric(BaseMetric):
    """Mean IoU and accuracies of semantic segmentation from one confusion matrix.

    Values are **fractions from 0 to 1**. Void pixels of the ground truth (255) do not count. Classes that never occur
    are NaN and left out of the means; one that is predicted but not in the ground truth has IoU 0 and does count.

    Ground truth is ``gt_sem_seg`` of the data sample, predictions are ``pred_sem_seg``; both are labels. Each image's
    matrix is made when it is processed; of it travel the entries that are not 0.

    Returned are ``mIoU``, ``mAcc`` (mean of the classes' accuracies), ``aAcc`` (accuracy of all pixels), and with
    ``classwise`` ``<class>_IoU`` and ``<class>_Acc``.

    Args:
        classwise: Whether to print and return the values of each class.
        confusion_matrix: If given, a picture of the confusion matrix is written to this file.
        **kwargs: ``collect_device``, ``prefix`` and ``collect_dir`` of mmengine's ``BaseMetric``.
    """

    default_prefix = 'semantic'

    def __init__(self, classwise: bool = False, confusion_matrix: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.classwise = classwise
        self.confusion_matrix = confusion_matrix

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Count the pixels of some images.

        Args:
            data_batch: Not used.
            data_samples: Data samples with predictions and ground truth.

        Raises:
            EvaluationError: If a sample lacks one of the two, or labels do not fit the classes of the data set.
        """
        names = class_names(self.dataset_meta)
        for sample in data_samples:
            gt_labels, pred_labels = read_maps(sample, 'sem_seg')
            try:
                matrix = confusion_matrix(gt_labels, pred_labels, len(names)).ravel()
            except ValueError as error:
                raise EvaluationError(
                    f'{image_of(sample)}: {error}. Give the semantic head of the model as many classes as the data set '
                    'has (num_things and num_stuff), or choose the classes of the data set by its metainfo.'
                ) from error
            entries = np.flatnonzero(matrix)
            self.results.append((entries, matrix[entries]))

    def compute_metrics(self, results: list[tuple[npt.NDArray, npt.NDArray]]) -> dict[str, float]:
        """Add the matrices of all images, print the tables and draw the picture.

        Args:
            results: Place and number of pixels of the matrix entries of each image.

        Returns:
            Value by name.
        """
        names = class_names(self.dataset_meta)
        matrix = np.zeros(len(names) ** 2, np.int64)
        for entries, counts in results:
            matrix[entries] += counts
        matrix = matrix.reshape(len(names), len(names))
        quality = semantic_quality(matrix)
        metrics = dict(mIoU=quality.mean_iou, mAcc=quality.mean_accuracy, aAcc=quality.pixel_accuracy)
        number = int((~np.isnan(quality.iou)).sum())
        log_table('Semantic segmentation (fractions, 0 to 1)', (*metrics, 'classes'), [(*metrics.values(), number)])
        if self.classwise:
            metrics |= log_classwise(
                'Semantic segmentation of each class (fractions, 0 to 1; numbers of pixels)',
                names,
                dict(IoU=quality.iou, Acc=quality.accuracy),
                dict(true=matrix.sum(axis=1), predicted=matrix.sum(axis=0)),
            )
        if self.confusion_matrix is not None:
            draw_confusion_matrix(matrix, names, self.confusion_matrix)
            print_log(f'confusion matrix drawn to {self.confusion_matrix}', logger='current')
        return metrics
