"""COCO's AP and AR on the annotations that the data set has checked."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from os import path as osp
from typing import Any

import numpy as np
from mmdet.datasets.api_wrappers import COCO
from mmdet.evaluation import CocoMetric
from mmdet.registry import METRICS
from mmengine.logging import print_log
from torch.utils.data import Dataset

from mmdet_panseg.datasets import CheckedCocoDataset, DatasetError
from mmdet_panseg.datasets.coco.instance_truth import InstanceTruth, truth_of
from mmdet_panseg.datasets.wrappers import innermost_datasets
from mmdet_panseg.errors import ConfigError

from .average_precision import evaluate_coco
from .class_precisions import log_class_precisions
from .errors import EvaluationError
from .image_predictions import ImagePredictions


@METRICS.register_module()
class CheckedCocoMetric(CocoMetric):
    """mmdet's ``CocoMetric``, with ground truth that was read and checked once.

    ``CocoMetric`` reads the annotation file a second time and as it is: one unusable annotation ends the evaluation,
    annotation ids from 0 cost AP, and labels are numbered by its own file. Here the annotations are those that
    ``CheckedCocoDataset`` has checked, with ids from 1, and classes are found by name. What COCO's rules say about
    crowds, areas and images is unchanged, and so are the figures: pycocotools' to the last bit, by hotcoco. Further
    differences:

    - Masks are kept as run lengths, made in their boxes as they come, and no file is written that nobody asked for.
      Masks may come as run lengths.
    - ``ann_file`` may be left out. It is for data whose own file has no masks of instances: a panoptic one.
    - A model that finds nothing has AP 0, not no metrics.
    - Figures of each class are ``segm_<class>_precision`` and ``bbox_<class>_precision``; in ``CocoMetric`` both have
      the same name, and the last one is left. They are of the right class also where category ids do not ascend.
    - ``iou_thrs`` may be a number; with a list that has .5 and .75 there are ``mAP_50`` and ``mAP_75``.
    - ``use_mp_eval`` changes nothing; in ``CocoMetric`` it takes more than 100 instances of a class into ``mAP``.

    Args:
        ann_file: Annotation file of the same images; by default that of the data set.
        format_only: Write the predictions to ``<outfile_prefix>.segm.json`` and ``.bbox.json``, and compute nothing.
        outfile_prefix: Beginning of the names of these files.
        **kwargs: Further arguments of ``CocoMetric``.

    Raises:
        ConfigError: If ``format_only`` has no ``outfile_prefix``, ``metric_items`` has an unknown name, or
            ``proposal_nums`` fewer than three numbers.
    """

    # mmdet's names of what pycocotools' summarize computes, in its order.
    items: tuple[str, ...] = (
        *('mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l'),
        *('AR@100', 'AR@300', 'AR@1000', 'AR_s@1000', 'AR_m@1000', 'AR_l@1000'),
    )

    def __init__(
        self, ann_file: str | None = None, format_only: bool = False, outfile_prefix: str | None = None, **kwargs: Any
    ) -> None:
        if format_only and outfile_prefix is None:
            raise ConfigError(
                f'{type(self).__name__}: format_only writes files, and outfile_prefix says where: set it, such as '
                "outfile_prefix='work_dirs/results'."
            )
        super().__init__(format_only=format_only, outfile_prefix=outfile_prefix, **kwargs)
        unknown = [item for item in self.metric_items or () if item not in self.items]
        if unknown:
            raise ConfigError(
                f'{type(self).__name__}: metric_items has no {unknown[0]!r}, but {", ".join(self.items)}.'
            )
        if len(self.proposal_nums) < 3:
            raise ConfigError(f'{type(self).__name__}: proposal_nums has three numbers, not {self.proposal_nums}.')
        self.iou_thrs = np.atleast_1d(np.asarray(self.iou_thrs, np.float64))
        self.ann_file = ann_file
        self.truth: InstanceTruth | None = None

    def use_dataset(self, dataset: Dataset, where: str = 'CheckedCocoMetric') -> None:
        """Take the ground truth of the data that are to be judged.

        Args:
            dataset: Data set of validation or test, as the loader has it.
            where: Key of the metric in the config, for error texts.

        Raises:
            ConfigError: If the data set has no annotations of instances in test mode, and no ``ann_file`` is named.
            DatasetError: If the annotation file is missing or faulty, or of other images or classes.
        """
        parts = innermost_datasets(dataset)
        metainfo = dataset.metainfo
        classes = metainfo.get('thing_classes', metainfo['classes'])
        if self.ann_file is not None:
            own = self._own_annotations(f'{where}.ann_file')
            images = _same_images(own, parts, f'{where}.ann_file')
            truth = truth_of([own], classes, f'{where}.ann_file', 'segm' in self.metrics).of_images(images)
        elif all(_has_truth(part) for part in parts):
            truth = truth_of(parts, classes, where, 'segm' in self.metrics)
        else:
            raise ConfigError(
                f'{where} has no ground truth: set ann_file (with format_only=True, the JSON of the images), or take a '
                'CheckedCocoDataset with test_mode=True.'
            )
        self._take(truth, where)

    def _own_annotations(self, where: str) -> CheckedCocoDataset:
        try:
            return _AnnotationsAlone(
                self.ann_file,
                data_prefix=dict(img=''),
                test_mode=True,
                with_mask='segm' in self.metrics,
                backend_args=self.backend_args,
            )
        except DatasetError as error:
            raise type(error)(f'{where}: {error}') from error

    def _take(self, truth: InstanceTruth, where: str) -> None:
        if 'segm' in self.metrics and any(image.codes is None for image in truth.images):
            raise ConfigError(
                f"{where}: metric 'segm' needs masks, and the data set reads none: leave with_mask=True there, or take "
                "metric='bbox'."
            )
        self.truth = truth
        self.cat_ids = [category['id'] for category in truth.categories]
        self.img_ids = [image.image_id for image in truth.images]
        if not any(map(len, truth.images)) and not self.format_only:
            print_log(
                f'{where}: there are no annotations to compare with, so that all figures are -1 or nan. '
                'format_only=True, with outfile_prefix, writes the predictions.',
                logger='current',
                level=logging.WARNING,
            )

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep the predictions of a batch, masks as run lengths.

        Args:
            data_batch: Not used.
            data_samples: Predictions, as :meth:`ImagePredictions.of_sample` takes them.

        Raises:
            EvaluationError: If nobody called :meth:`use_dataset`.
        """
        if self.truth is None:
            raise EvaluationError(
                "CheckedCocoMetric has no ground truth yet: add dict(type='EvaluationDataHook') to custom_hooks, or "
                'call use_dataset.'
            )
        self.results += map(ImagePredictions.of_sample, data_samples)

    def compute_metrics(self, results: list[ImagePredictions]) -> dict[str, float]:
        """Compute the figures of each kind in ``metric``.

        Args:
            results: What :meth:`process` kept, of all processes.

        Returns:
            Figure by name.
        """
        if not any(map(len, results)):
            print_log('the model found nothing in any image', logger='current', level=logging.WARNING)
        if self.outfile_prefix is not None:
            self.results2json([found.as_mmdet() for found in results], self.outfile_prefix)
        if self.format_only:
            print_log(f'results are saved in {osp.dirname(self.outfile_prefix)}', logger='current')
            return {}
        figures: dict[str, float] = {}
        for kind in self.metrics:
            compute = self._precisions if kind in ('bbox', 'segm') else self._proposal_recalls
            figures.update(compute(kind, results))
        return figures

    def _precisions(self, kind: str, results: list[ImagePredictions]) -> dict[str, float]:
        print_log(f'Evaluating {kind}...', logger='current')
        evaluation = evaluate_coco(kind, self.truth, results, self.iou_thrs, max_dets=self.proposal_nums)
        evaluation.summarize()
        names = [category['name'] for category in self.truth.categories]
        precision = evaluation.eval['precision']
        figures = log_class_precisions(kind, names, precision, self.iou_thrs) if self.classwise else {}
        for item in self.metric_items or self.items[:6]:
            figures[f'{kind}_{item}'] = round(float(evaluation.stats[self.items.index(item)]), 3)
        values = ' '.join(f'{value:.3f}' for value in evaluation.stats[:6])
        print_log(f'{kind}_mAP_copypaste: {values}', logger='current')
        return figures

    def _proposal_recalls(self, kind: str, results: list[ImagePredictions]) -> dict[str, float]:
        """Compute recalls of boxes without classes, by mmdet."""
        kinds, prefix = self.metrics, self.outfile_prefix
        self.metrics, self.outfile_prefix = [kind], None
        self._coco_api = _Index(self.truth.coco_file())
        try:
            return super().compute_metrics([({}, found.as_mmdet(with_masks=False)) for found in results])
        finally:
            self.metrics, self.outfile_prefix = kinds, prefix


class _Index(COCO):
    """Content of a COCO file as pycocotools looks it up."""

    def __init__(self, content: dict[str, list[dict]]) -> None:
        super().__init__()
        self.dataset = content
        self.createIndex()

    def loadRes(self, resFile: list) -> COCO:  # noqa: N802, N803, names of pycocotools
        """Index predictions, of which there may be none."""
        return super().loadRes(resFile) if resFile else _Index({**self.dataset, 'annotations': []})


class _AnnotationsAlone(CheckedCocoDataset):
    """An annotation file beside that of the data; their images are looked for there."""

    def _check_files(self, images: list[dict]) -> None:
        """Look for no files."""

    def _check_sizes(self, images: list[dict]) -> None:
        """Look at no files."""


def _has_truth(dataset: Dataset) -> bool:
    return getattr(dataset, 'has_instance_truth', False) and dataset.test_mode


def _same_images(own: CheckedCocoDataset, parts: Sequence[Dataset], where: str) -> set[Any]:
    """Give the ids of the images of the data; raise if the file lacks one or calls it by another name."""
    known = {info['img_id']: info['img_path'] for info in map(own.get_data_info, range(len(own)))}
    wanted = [part.get_data_info(index) for part in parts for index in range(len(part))]
    other = [info for info in wanted if _stem(known.get(info['img_id'])) != _stem(info['img_path'])]
    if other:
        first = other[0]
        there = f"'{known[first['img_id']]}' there" if first['img_id'] in known else 'missing there'
        raise ConfigError(
            f"{where}: '{own.ann_file}' is not of the images of the data ('{parts[0].ann_file}'): {len(other)} of "
            f"{len(wanted)} differ, such as image id {first['img_id']}, '{first['img_path']}', which is {there}. Name "
            'the annotation file of these images.'
        )
    return {info['img_id'] for info in wanted}


def _stem(path: str | None) -> str | None:
    return None if path is None else osp.splitext(osp.basename(path))[0]
