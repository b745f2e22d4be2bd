"""COCO data set that says what it leaves out."""

from __future__ import annotations

import logging
import os.path as osp
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmdet.datasets import CocoDataset
from mmdet.registry import DATASETS
from mmengine.dist import is_main_process
from mmengine.logging import print_log

from .annotation_checks import check_annotation
from .annotation_file import (
    check_categories,
    check_images,
    group_annotations,
    is_remote,
    read_annotation_file,
    shown,
)
from .annotation_report import AnnotationReport, Finding
from .class_choice import choose_classes, choose_palette
from .errors import AnnotationFileError, BrokenImageError, DatasetError, MissingDataError
from .image_files import find_missing_files
from .skipped_samples import SkippedSamples


@DATASETS.register_module()
class CheckedCocoDataset(CocoDataset):
    """mmdet's ``CocoDataset`` with checks: it names what it leaves out, and stops early at what cannot work.

    It loads what ``CocoDataset`` loads, in the same order. Differences:

    - Errors at the start, each with file, key and remedy: annotation file missing, not JSON or without its
      lists; image files missing (local disks only); ids used twice; annotations of images or categories that
      the file does not list; class names that the file does not have.
    - Annotations that cannot be used are left out, counted and named once in the log of the first process, or
      are an error with ``on_bad_annotation='error'``. See :data:`.annotation_checks.LEFT_OUT_REASONS`.
    - Without ``metainfo.classes`` the classes are those of the annotation file, in its order, and not COCO's
      80 (for a COCO file that is the same list). ``metainfo.classes`` of the config must be in the order of
      the file, by which mmdet numbers labels. Colours follow the names.
    - Images without objects stay unless ``filter_cfg`` asks otherwise; what it takes out is reported. An
      image whose objects were all left out counts as one without objects.
    - In training, images that ``LoadCheckedImage`` refuses are replaced by others and recorded in ``skipped``
      (``SkippedSamplesHook`` names them after training). In test mode its error stops the run.

    ``CocoMetric(ann_file=...)`` reads the annotation file by itself: there, objects left out here still count
    as ground truth.

    Args:
        ann_file: Annotation file in COCO format, relative to ``data_root``.
        metainfo: ``classes`` and, optionally, ``palette``.
        on_bad_annotation: ``'skip'`` leaves bad annotations out, ``'error'`` raises with the full report.
        with_mask: Whether an annotation needs a usable ``segmentation``; switch off for box-only files.
        **kwargs: Further arguments of ``CocoDataset``.

    Attributes:
        report: :class:`.annotation_report.AnnotationReport` of the file.
        skipped: :class:`.skipped_samples.SkippedSamples` of the training so far.

    Raises:
        MissingDataError: If the annotation file or image files do not exist.
        AnnotationFileError: If the annotation file does not fit together, or does not fit the config.
    """

    def __init__(
        self,
        ann_file: str = '',
        metainfo: Mapping | None = None,
        on_bad_annotation: str = 'skip',
        with_mask: bool = True,
        **kwargs: Any,
    ) -> None:
        if on_bad_annotation not in ('skip', 'error'):
            raise ValueError(f"on_bad_annotation must be 'skip' or 'error', not {on_bad_annotation!r}.")
        self.on_bad_annotation = on_bad_annotation
        self.with_mask = with_mask
        default = type(self).METAINFO.get('classes') in (None, CocoDataset.METAINFO['classes'])
        self._classes_from_file = default and 'classes' not in (metainfo or {})
        self._palette_given = 'palette' in (metainfo or {})
        super().__init__(ann_file=ann_file, metainfo=metainfo, **kwargs)

    @property
    def metainfo(self) -> dict:
        """Classes, palette and further meta information; before loading, the file's categories are read."""
        if self._classes_from_file and not self._fully_initialized and osp.isfile(self.ann_file):
            categories = read_annotation_file(self.ann_file, self.backend_args, ('categories',))['categories']
            check_categories(categories, self.ann_file)
            self._settle_classes(categories)
        return super().metainfo

    def full_init(self) -> None:
        """Loads, checks and filters the annotations, and logs the report."""
        if self._fully_initialized:
            return
        super().full_init()
        self.skipped = SkippedSamples(len(self))
        self._log_report()

    def load_data_list(self) -> list[dict]:
        """Loads and checks the annotation file.

        Returns:
            One dict for each image, as ``CocoDataset`` gives it.

        Raises:
            MissingDataError: If the annotation file or image files do not exist.
            AnnotationFileError: If the file does not fit together or, with ``on_bad_annotation='error'``, if
                an annotation is unusable.
        """
        # A test set without ground truth (COCO's test-dev) has no annotations.
        keys = ('images', 'categories') if self.test_mode else ('images', 'annotations', 'categories')
        content = read_annotation_file(self.ann_file, self.backend_args, keys)
        images, annotations, categories = (content.get(k, []) for k in ('images', 'annotations', 'categories'))
        check_images(images, self.ann_file)
        check_categories(categories, self.ann_file)
        self._settle_classes(categories)
        names = {category['id']: category['name'] for category in categories}
        grouped = group_annotations(
            annotations,
            (image['id'] for image in images),
            names,
            self.ann_file,
            # COCOeval reads it, at the end of a whole evaluation.
            more_keys=('iscrowd',) if self.test_mode else (),
        )
        self._check_image_files(images)
        self.report = AnnotationReport(self.ann_file, num_images=len(images), num_annotations=len(annotations))
        data_list = [
            self.parse_data_info(
                {
                    'raw_img_info': {**image, 'img_id': image['id']},
                    'raw_ann_info': self._usable_annotations(grouped.get(image['id'], ()), image, names),
                }
            )
            for image in images
        ]
        if self.on_bad_annotation == 'error' and self.report.has_bad_annotations:
            raise AnnotationFileError(
                '\n'.join(self.report.lines())
                + "\nCorrect these annotations, or train without them by on_bad_annotation='skip'."
            )
        return data_list

    def filter_data(self) -> list[dict]:
        """Filters images as ``filter_cfg`` says (``filter_empty_gt``, ``min_size`` in pixels), and counts.

        Returns:
            The images that stay.

        Raises:
            AnnotationFileError: If none stays.
        """
        if self.test_mode or not self.filter_cfg:
            return self.data_list
        filter_empty = self.filter_cfg.get('filter_empty_gt', False)
        min_size = self.filter_cfg.get('min_size', 0)
        kept = []
        for info in self.data_list:
            if filter_empty and not info['instances']:
                reason = 'images without objects (filter_cfg.filter_empty_gt)'
            elif min(info['width'], info['height']) < min_size:
                reason = f'images with a side below {min_size} pixels (filter_cfg.min_size)'
            else:
                kept.append(info)
                continue
            self.report.filtered.setdefault(reason, Finding()).add(info['img_id'], osp.basename(info['img_path']))
        if not kept:
            raise AnnotationFileError(
                '\n'.join(self.report.lines()) + "\nNo image is left: correct 'filter_cfg' or 'metainfo.classes'."
            )
        return kept

    def prepare_data(self, idx: int) -> Any:
        """Runs the pipeline on one sample.

        Args:
            idx: Index of the sample.

        Returns:
            What the pipeline gives; in training None for an image that cannot be used, so that another one is
            taken.

        Raises:
            BrokenImageError: In test mode, for an image that cannot be used.
            DatasetError: In training, if no image at all can be used.
        """
        if self.test_mode:
            return super().prepare_data(idx)
        error = None
        if idx not in self.skipped:
            try:
                return super().prepare_data(idx)
            except BrokenImageError as broken:
                self.skipped.mark(idx, broken.reason)
                error = broken
        if len(self.skipped) == len(self):
            fault = error or self._first_skipped()
            raise DatasetError(f"None of the {len(self)} images of '{self.ann_file}' can be used. {fault}") from error
        return None

    def get_subset_(self, indices: Sequence[int] | int) -> None:
        """Keeps only some samples; see mmengine's ``BaseDataset``."""
        super().get_subset_(indices)
        self.skipped = SkippedSamples(len(self))

    def get_subset(self, indices: Sequence[int] | int) -> CheckedCocoDataset:
        """Copies some samples to a new data set; see mmengine's ``BaseDataset``."""
        subset = super().get_subset(indices)
        subset.skipped = SkippedSamples(len(subset))
        return subset

    def _rand_another(self) -> int:
        """Random index among the samples that have not failed."""
        usable = self.skipped.usable()
        # Another worker may just have marked the last one; prepare_data then raises.
        return int(usable[np.random.randint(len(usable))]) if len(usable) else 0

    def _first_skipped(self) -> str:
        """File and fault of the first skipped sample."""
        index, reason = next(iter(self.skipped.reasons().items()))
        return f"The first: '{self.get_data_info(index)['img_path']}' ({reason})."

    def _settle_classes(self, categories: list[dict]) -> None:
        """Fixes class names, palette and the map from category ids to labels."""
        wanted = None if self._classes_from_file else self._metainfo['classes']
        classes = choose_classes(categories, wanted, self.ann_file)
        self._classes_from_file = False
        self._metainfo['classes'] = classes
        if not self._palette_given:
            self._metainfo['palette'] = choose_palette(classes)
        ids = {category['name']: category['id'] for category in categories}
        self.cat_ids = [ids[name] for name in classes]
        self.cat2label = {category_id: label for label, category_id in enumerate(self.cat_ids)}

    def _usable_annotations(self, annotations: Sequence[dict], image: dict, names: dict[Any, str]) -> list[dict]:
        """Annotations of one image that can be used; what happens to the others goes into the report."""
        usable = []
        report, height, width = self.report, image['height'], image['width']
        for annotation in annotations:
            if annotation['category_id'] not in self.cat2label:
                name = names[annotation['category_id']]
                report.unused_categories[name] = report.unused_categories.get(name, 0) + 1
                continue
            if annotation.get('ignore', False):
                report.marked_ignore += 1
                continue
            checked, reason = check_annotation(annotation, height, width, self.with_mask)
            if reason is not None:
                report.add(reason, annotation['id'], image['file_name'])
            if checked is not None:
                usable.append(checked)
        report.num_objects += len(usable)
        return usable

    def _check_image_files(self, images: list[dict]) -> None:
        """Raises if image files are missing; files behind a remote backend are not looked for."""
        folder = self.data_prefix.get('img', '')
        if is_remote(folder, self.backend_args):
            return
        missing = find_missing_files([osp.join(folder, image['file_name']) for image in images])
        if missing:
            raise MissingDataError(
                f"{len(missing)} of {len(images)} images ('file_name') of '{self.ann_file}' do not exist: "
                f"{shown(missing)}. Correct 'data_prefix' (img='{folder}') or 'data_root', or add the files."
            )

    def _log_report(self) -> None:
        """Logs the report once, in the first process."""
        lines = self.report.lines()
        if not lines or not is_main_process():
            return
        if self.test_mode and self.report.has_bad_annotations:
            lines.append('  CocoMetric(ann_file=...) reads the file itself and still counts what is left out.')
        serious = self.report.has_bad_annotations or self.report.filtered
        print_log('\n'.join(lines), logger='current', level=logging.WARNING if serious else logging.INFO)
