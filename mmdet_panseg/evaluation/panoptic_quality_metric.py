"""Panoptic quality of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
from mmdet.registry import METRICS
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmdet_panseg.datasets.dataset_classes import DatasetClasses
from mmdet_panseg.ops import (
    PanopticCounts,
    add_panoptic_counts,
    panoptic_counts,
    panoptic_quality,
    whole_segments,
)

from .classes import check_segments, disagreement, panoptic_classes
from .errors import EvaluationError
from .panoptic_result_files import write_result_json, write_result_png
from .sample_maps import image_of, read_maps, segment_table
from .tables import log_classwise, log_table


@METRICS.register_module()
class PanopticQualityMetric(BaseMetric):
    """PQ, SQ and RQ for all classes, things and stuff, counted in memory from the data samples.

    Values are **fractions from 0 to 1**, as COCO's AP is here; mmdet's ``CocoPanopticMetric`` gives percent. Rules and
    means are those of COCO's panopticapi (see :func:`mmdet_panseg.ops.panoptic_counts`): a mean is over the classes
    that occur in the ground truth or the prediction, and NaN where none does.

    Ground truth is ``gt_panoptic_seg`` of the data sample, which ``LoadPanopticSegments`` loads and
    ``PackPanopticInputs`` packs; islands that ``SplitStuffIslands`` made are whole segments again. Predictions
    are ``pred_panoptic_seg`` as all of mmdet's panoptic models give it: ``label + 1000 k``, void is the number of
    classes. Each image's counts are made when it is processed; they are all that travels between processes.

    Returned are ``PQ``, ``SQ``, ``RQ``, the same with ``_th`` (things) and ``_st`` (stuff), and with ``classwise``
    ``<class>_PQ``, ``<class>_SQ`` and ``<class>_RQ``.

    Args:
        classwise: Whether to print and return the values of each class.
        outfile_prefix: If given, results are also written in COCO's panoptic format, to
            ``<outfile_prefix>.panoptic.json`` and the folder ``<outfile_prefix>.panoptic``, with the data set's
            category ids where its metainfo has ``category_ids`` and labels otherwise. Several processes must
            share the folder.
        **kwargs: ``collect_device``, ``prefix`` and ``collect_dir`` of mmengine's ``BaseMetric``.
    """

    default_prefix = 'coco_panoptic'

    def __init__(self, classwise: bool = False, outfile_prefix: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.classwise = classwise
        self.outfile_prefix = outfile_prefix

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Count the matches of some images.

        Args:
            data_batch: Not used.
            data_samples: Data samples with predictions and ground truth.

        Raises:
            EvaluationError: If a sample lacks one of the two, or they or the classes do not fit together.
        """
        classes = panoptic_classes(self.dataset_meta)
        for sample in data_samples:
            gt_map, pred_map = read_maps(sample, 'panoptic_seg')
            gt_map, table = whole_segments(gt_map, segment_table(sample))
            check_segments(sample, pred_map, classes)
            try:
                counts = panoptic_counts(gt_map, table, pred_map, len(classes.names))
            except ValueError as error:
                raise disagreement(sample, str(error), classes) from error
            self.results.append((counts, self._write(sample, pred_map, classes)))

    def _write(self, sample: Mapping[str, Any], pred_map: npt.NDArray, classes: DatasetClasses) -> dict | None:
        if self.outfile_prefix is None:
            return None
        if 'img_path' not in sample:
            raise EvaluationError(
                f'{image_of(sample)}: outfile_prefix needs the names of the images; add img_path to meta_keys of '
                'PackPanopticInputs.'
            )
        path = Path(f'{self.outfile_prefix}.panoptic', Path(sample['img_path']).stem + '.png')
        return write_result_png(pred_map, sample['img_id'], path, classes)

    def compute_metrics(self, results: list[tuple[PanopticCounts, dict | None]]) -> dict[str, float]:
        """Add the counts of all images, print the tables and write the JSON file.

        Args:
            results: Counts and, with ``outfile_prefix``, the JSON entry of each image.

        Returns:
            Value by name.
        """
        classes = panoptic_classes(self.dataset_meta)
        if self.outfile_prefix is not None:
            self._write_json([record for _, record in results], classes)
        counts = add_panoptic_counts((counts for counts, _ in results), len(classes.names))
        quality = panoptic_quality(counts, classes.num_things)
        groups = {'': ('all', quality.all), '_th': ('things', quality.things), '_st': ('stuff', quality.stuff)}
        log_table(
            'Panoptic quality (fractions, 0 to 1)',
            ('', 'PQ', 'SQ', 'RQ', 'classes'),
            [(name, *means) for name, means in groups.values()],
        )
        metrics = {
            f'{measure}{ending}': value
            for ending, (_, means) in groups.items()
            for measure, value in zip(('PQ', 'SQ', 'RQ'), means[:3], strict=True)
        }
        if self.classwise:
            metrics |= log_classwise(
                'Panoptic quality of each class (fractions, 0 to 1; numbers of segments)',
                classes.names,
                dict(PQ=quality.pq, SQ=quality.sq, RQ=quality.rq),
                dict(TP=counts.tp, FP=counts.fp, FN=counts.fn),
            )
        return metrics

    def _write_json(self, records: list[dict], classes: DatasetClasses) -> None:
        images: dict[str, Any] = {}
        for record in records:
            other = images.setdefault(record['file_name'], record['image_id'])
            if other != record['image_id']:
                raise EvaluationError(
                    f'{self.outfile_prefix}.panoptic/{record["file_name"]}: images {other} and {record["image_id"]} '
                    'share this file name, so one overwrote the other; rename one or leave outfile_prefix out.'
                )
        path = Path(f'{self.outfile_prefix}.panoptic.json')
        write_result_json(records, path, classes)
        print_log(f'panoptic results written to {path}', logger='current')
