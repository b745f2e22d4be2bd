"""LVIS's AP and AR on the annotations that the data set has checked."""

from __future__ import annotations

from typing import Any

from mmdet.registry import METRICS
from mmengine.logging import print_log

from mmdet_panseg.datasets.coco.instance_truth import FEDERATED_KEYS, InstanceTruth
from mmdet_panseg.errors import ConfigError

from .average_precision import evaluate_lvis
from .checked_coco_metric import CheckedCocoMetric
from .class_precisions import log_class_precisions
from .image_predictions import ImagePredictions


@METRICS.register_module()
class CheckedLVISMetric(CheckedCocoMetric):
    """AP of all, rare, common and frequent classes by the rules of LVIS.

    It takes the place of mmdet's ``LVISMetric`` and has its figures: ``segm_AP``, ``AP50``, ``AP75``, ``APs``, ``APm``,
    ``APl``, ``APr``, ``APc``, ``APf``, and on request ``AR@300``, ``ARs@300``, ``ARm@300`` and ``ARl@300``. The package
    lvis is not needed; its last release, 0.5.3, does not run beside NumPy from 1.24 on. The data set is
    ``CheckedCocoDataset`` with a file of LVIS, version 1.

    Args:
        **kwargs: As in ``CheckedCocoMetric``. ``metric`` is ``'bbox'`` or ``'segm'``; ``proposal_nums`` changes
            nothing, as 300 instances of an image count.

    Raises:
        ConfigError: If ``metric`` is another.
    """

    default_prefix = 'lvis'

    items = (
        *('AP', 'AP50', 'AP75', 'APs', 'APm', 'APl', 'APr', 'APc', 'APf'),
        *('AR@300', 'ARs@300', 'ARm@300', 'ARl@300'),
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        other = [kind for kind in self.metrics if kind not in ('bbox', 'segm')]
        if other:
            raise ConfigError(f"CheckedLVISMetric: metric is 'bbox' or 'segm', not {other[0]!r}.")

    def _take(self, truth: InstanceTruth, where: str) -> None:
        if any(image.absent is None for image in truth.images):
            raise ConfigError(
                f'{where}: images of the annotation file lack {" or ".join(map(repr, FEDERATED_KEYS))}, which those of '
                'LVIS have; take CheckedCocoMetric for other files.'
            )
        unknown = [category['name'] for category in truth.categories if category['frequency'] not in ('r', 'c', 'f')]
        if unknown:
            raise ConfigError(f"{where}: 'frequency' of category {unknown[0]!r} is not r, c or f, as LVIS has it.")
        super()._take(truth, where)

    def _precisions(self, kind: str, results: list[ImagePredictions]) -> dict[str, float]:
        print_log(f'Evaluating {kind}...', logger='current')
        evaluation = evaluate_lvis(kind, self.truth, results, self.iou_thrs)
        evaluation.summarize()
        names = [category['name'] for category in self.truth.categories]
        precision = evaluation.eval['precision']
        figures = log_class_precisions(kind, names, precision, self.iou_thrs) if self.classwise else {}
        found = evaluation.get_results()
        figures.update({f'{kind}_{item}': round(found[item], 3) for item in self.metric_items or self.items[:9]})
        return figures
