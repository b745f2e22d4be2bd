"""COCO's AP and AR on the annotations that the data set has checked."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from os import path as osp
from tempfile import TemporaryDirectory
from typing import Any

from mmdet.datasets.api_wrappers import COCO
from mmdet.evaluation import CocoMetric
from mmdet.registry import METRICS
from mmengine.logging import print_log
from torch.utils.data import Dataset

from mmdet_panseg.datasets import CheckedCocoDataset, DatasetError
from mmdet_panseg.datasets.coco.instance_truth import InstanceTruth, truth_of
from mmdet_panseg.datasets.wrappers import innermost_datasets
from mmdet_panseg.errors import ConfigError

from .errors import EvaluationError


@METRICS.register_module()
class CheckedCocoMetric(CocoMetric):
    """mmdet's ``CocoMetric``, with ground truth that was read and checked once.

    ``CocoMetric`` reads the annotation file a second time and as it is: one unusable annotation ends the evaluation,
    annotation ids from 0 cost AP, and labels are numbered by its own file. Here the annotations are those that
    ``CheckedCocoDataset`` has checked, with ids from 1, and classes are found by name. What COCO's rules say about
    crowds, areas and images is unchanged. Further differences:

    - ``ann_file`` may be left out. It is for data whose own file has no masks of instances: a panoptic one.
    - A model that finds nothing has AP 0, not no metrics.
    - Figures of each class are ``segm_<class>_precision`` and ``bbox_<class>_precision``; in ``CocoMetric`` both have
      the same name, and the last one is left.

    Args:
        ann_file: Annotation file of the same images; by default that of the data set.
        format_only: Write the predictions to ``<outfile_prefix>.segm.json`` and ``.bbox.json``, and compute nothing.
        outfile_prefix: Beginning of the names of these files.
        **kwargs: Further arguments of ``CocoMetric``.

    Raises:
        ConfigError: If ``format_only`` has no ``outfile_prefix``.
    """

    def __init__(
        self, ann_file: str | None = None, format_only: bool = False, outfile_prefix: str | None = None, **kwargs: Any
    ) -> None:
        if format_only and outfile_prefix is None:
            raise ConfigError(
                f'{type(self).__name__}: format_only writes files, and outfile_prefix says where: set it, such as '
                "outfile_prefix='work_dirs/results'."
            )
        super().__init__(format_only=format_only, outfile_prefix=outfile_prefix, **kwargs)
        self.ann_file = ann_file

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
            truth = truth_of([own], classes, f'{where}.ann_file').of_images(images)
        elif all(_has_truth(part) for part in parts):
            truth = truth_of(parts, classes, where)
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
        self._coco_api = _Index(truth)
        self.cat_ids = [category['id'] for category in truth.categories]
        self.img_ids = [image['id'] for image in truth.images]
        if not truth.annotations and not self.format_only:
            print_log(
                f'{where}: there are no annotations to compare with, so that all figures are -1 or nan. '
                'format_only=True, with outfile_prefix, writes the predictions.',
                logger='current',
                level=logging.WARNING,
            )

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep the predictions of a batch.

        Args:
            data_batch: Not used.
            data_samples: Predictions, as ``CocoMetric`` takes them.

        Raises:
            EvaluationError: If nobody called :meth:`use_dataset`.
        """
        if self._coco_api is None:
            raise EvaluationError(
                "CheckedCocoMetric has no ground truth yet: add dict(type='EvaluationDataHook') to custom_hooks, or "
                'call use_dataset.'
            )
        super().process(data_batch, data_samples)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the figures of each kind in ``metric``.

        Args:
            results: What :meth:`process` kept, of all processes.

        Returns:
            Figure by name.
        """
        if not any(len(found['labels']) for _, found in results):
            print_log('the model found nothing in any image', logger='current', level=logging.WARNING)
        kinds, prefix = self.metrics, self.outfile_prefix
        figures: dict[str, float] = {}
        with TemporaryDirectory() as folder:
            self._files: dict[str, str] | None = None
            self.outfile_prefix = prefix or osp.join(folder, 'results')
            try:
                for kind in kinds if not self.format_only else kinds[:1]:
                    self.metrics = [kind]
                    found = super().compute_metrics(results)
                    figures.update({_with_kind(name, kind): figure for name, figure in found.items()})
            finally:
                self.metrics, self.outfile_prefix = kinds, prefix
        return figures

    def results2json(self, results: Sequence[dict], outfile_prefix: str) -> dict[str, str]:
        """Write the predictions, once for all kinds of figures."""
        if self._files is None:
            self._files = super().results2json(results, outfile_prefix)
        return self._files


class _Index(COCO):
    """Ground truth as pycocotools looks it up."""

    def __init__(self, truth: InstanceTruth) -> None:
        super().__init__()
        self.dataset = dict(images=truth.images, annotations=truth.annotations, categories=truth.categories)
        self.createIndex()

    def loadRes(self, resFile: list) -> COCO:  # noqa: N802, N803, names of pycocotools
        """Index predictions, of which there may be none."""
        return super().loadRes(resFile) if resFile else _Index(InstanceTruth(self.dataset['images'], [], []))


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


def _with_kind(name: str, kind: str) -> str:
    return f'{kind}_{name}' if name.endswith('_precision') else name
