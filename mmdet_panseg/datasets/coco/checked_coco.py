"""COCO data set that says what it leaves out."""

from __future__ import annotations

import logging
import os.path as osp
from collections.abc import Mapping, Sequence
from typing import Any

from mmdet.datasets import CocoDataset
from mmdet.registry import DATASETS
from mmengine.dist import is_main_process
from mmengine.logging import print_log

from mmdet_panseg.datasets.dataset_classes import DatasetClasses
from mmdet_panseg.datasets.errors import AnnotationFileError, DatasetError
from mmdet_panseg.datasets.images import SkippedSamples, SkipsBrokenImages
from mmdet_panseg.datasets.images.image_files import is_remote, named_by_url, refuse_missing_files, rename_images
from mmdet_panseg.datasets.images.image_sizes import differs_from_file, looked_at

from .annotation_checks import LEFT_OUT_REASONS, check_annotation, doubt_about
from .annotation_file import check_categories, check_images, group_annotations, read_annotation_file
from .annotation_report import AnnotationReport, Finding
from .class_selection import choose_classes, choose_palette, choose_stuff_classes, names_as_texts, refuse_too_many
from .instance_truth import FEDERATED_KEYS, STILL_COUNTED, TRUTH_KEY, counted_annotation


@DATASETS.register_module()
class CheckedCocoDataset(SkipsBrokenImages, CocoDataset):
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
    - ``metainfo.stuff_classes`` names classes that only the semantic maps have (``data_prefix.seg``; see
      ``MapSemanticLabels``); their labels follow those of the file's classes, which are the things.
    - Images without objects stay unless ``filter_cfg`` asks otherwise; what it takes out is reported. An
      image whose objects were all left out counts as one without objects.
    - In training, images that ``LoadCheckedImage`` refuses are replaced by others and recorded in ``skipped``
      (``SkippedSamplesHook`` names them after training). In test mode its error stops the run.

    In test mode the records hold what COCO's evaluation counts (:mod:`.instance_truth`), which ``CheckedCocoMetric``
    takes from there. LVIS's files are read as well.

    Args:
        ann_file: Annotation file in COCO format, relative to ``data_root``.
        metainfo: ``classes`` and, optionally, ``stuff_classes`` and ``palette``.
        on_bad_annotation: ``'skip'`` leaves bad annotations out, ``'error'`` raises with the full report.
        with_mask: Whether an annotation needs a usable ``segmentation``; switch off for box-only files.
        image_name_sub: Regular expression and replacement that turn ``file_name`` of the JSON into the names of the
            files on disk, where the two differ.
        **kwargs: Further arguments of ``CocoDataset``.

    Attributes:
        report: :class:`.annotation_report.AnnotationReport` of the file.
        skipped: :class:`.skipped_samples.SkippedSamples` of the training so far.

    Raises:
        MissingDataError: If the annotation file or image files do not exist.
        AnnotationFileError: If the annotation file does not fit together, or does not fit the config.
        DatasetError: If a ``proposal_file`` is named, which mmdet would unpickle.
    """

    # Whether the annotations are what COCO's evaluation of instances counts.
    has_instance_truth = True

    def __init__(
        self,
        ann_file: str = '',
        metainfo: Mapping | None = None,
        on_bad_annotation: str = 'skip',
        with_mask: bool = True,
        image_name_sub: tuple[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        if on_bad_annotation not in ('skip', 'error'):
            raise ValueError(f"on_bad_annotation must be 'skip' or 'error', not {on_bad_annotation!r}.")
        if kwargs.get('proposal_file'):
            raise DatasetError(
                f"'proposal_file' of the data set of '{ann_file}': mmdet would unpickle it, which runs code from the "
                'file, and no head here uses proposals; leave it out.'
            )
        self.on_bad_annotation = on_bad_annotation
        self.with_mask = with_mask
        self.image_name_sub = image_name_sub
        default = type(self).METAINFO.get('classes') in (None, CocoDataset.METAINFO['classes'])
        self._classes_from_file = default and 'classes' not in (metainfo or {})
        self._palette_given = 'palette' in (metainfo or {})
        super().__init__(ann_file=ann_file, metainfo=names_as_texts(metainfo), **kwargs)

    @property
    def metainfo(self) -> dict:
        """Classes, palette and further meta information; before loading, the file's categories are read."""
        if self._classes_from_file and not self._fully_initialized and osp.isfile(self.ann_file):
            categories = read_annotation_file(self.ann_file, self.backend_args, ('categories',))['categories']
            check_categories(categories, self.ann_file)
            self._settle_classes(categories)
        return super().metainfo

    def full_init(self) -> None:
        """Load, check and filter the annotations, and log the report."""
        if self._fully_initialized:
            return
        super().full_init()
        self.skipped = SkippedSamples(len(self))
        self._log_report()

    def load_data_list(self) -> list[dict]:
        """Load and check the annotation file.

        Returns:
            One dict for each image, as ``CocoDataset`` gives it.

        Raises:
            MissingDataError: If the annotation file or image files do not exist.
            AnnotationFileError: If the file does not fit together, if no annotation of a training set is usable or,
                with ``on_bad_annotation='error'``, if one is not.
        """
        # A test set without ground truth (COCO's test-dev) has no annotations.
        keys = ('images', 'categories') if self.test_mode else ('images', 'annotations', 'categories')
        content = read_annotation_file(self.ann_file, self.backend_args, keys)
        images, annotations, categories = (content.get(k, []) for k in ('images', 'annotations', 'categories'))
        images = named_by_url(images)
        check_images(images, self.ann_file)
        images = rename_images(images, self.image_name_sub)
        check_categories(categories, self.ann_file)
        self._settle_classes(categories)
        names = {category['id']: category['name'] for category in categories}
        grouped = self._group_annotations(annotations, images, names)
        self._check_files(images)
        self._check_sizes(images)
        total = sum(map(len, grouped.values()))
        self.report = AnnotationReport(self.ann_file, num_images=len(images), num_annotations=total)
        data_list = [self._record(image, grouped.get(image['id'], ()), names) for image in images]
        self._refuse_nothing_to_learn(total)
        if self.on_bad_annotation == 'error' and self.report.has_bad_annotations:
            raise AnnotationFileError(
                '\n'.join(self.report.lines())
                + "\nCorrect these annotations, or train without them by on_bad_annotation='skip'."
            )
        return data_list

    def _refuse_nothing_to_learn(self, num_annotations: int) -> None:
        """Raise if there are annotations to learn from, but none that can be used; maps of stuff are enough."""
        if self.test_mode or not num_annotations or self.report.num_objects or self.data_prefix.get('seg'):
            return
        raise AnnotationFileError(
            '\n'.join(self.report.lines()) + '\nNothing is left to learn: correct the annotations, or '
            "'metainfo.classes'; a file with boxes alone needs with_mask=False, and a model that learns boxes."
        )

    def filter_data(self) -> list[dict]:
        """Filter images as ``filter_cfg`` says (``filter_empty_gt``, ``min_size`` in pixels), and count them.

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
            if filter_empty and self._is_empty(info):
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

    def get_data_info(self, idx: int) -> dict:
        """Give the record of one sample, with the data set's classes for transforms that choose by class.

        Args:
            idx: Index of the sample.

        Returns:
            The record; its key ``dataset_classes`` holds :class:`.dataset_classes.DatasetClasses`.
        """
        info = super().get_data_info(idx)
        info['dataset_classes'] = DatasetClasses.from_metainfo(self._metainfo)
        return info

    def _settle_classes(self, categories: list[dict]) -> None:
        """Settle class names, palette and the map from category ids to labels."""
        stuff = choose_stuff_classes(categories, self._metainfo.get('stuff_classes', ()), self.ann_file)
        wanted = None if self._classes_from_file else self._metainfo['classes']
        if wanted is not None and not isinstance(wanted, str):
            wanted = [name for name in wanted if name not in stuff]
        things = choose_classes(categories, wanted, self.ann_file)
        self._set_classes(categories, things, stuff)

    def _set_classes(self, categories: list[dict], things: tuple[str, ...], stuff: tuple[str, ...]) -> None:
        """Write the chosen classes to the meta information; things come first."""
        if stuff or self.data_prefix.get('seg'):
            refuse_too_many(len(things) + len(stuff), self.ann_file)
        classes = (*things, *stuff)
        self._classes_from_file = False
        self._metainfo.update(classes=classes, thing_classes=things, stuff_classes=stuff)
        if not self._palette_given:
            self._metainfo['palette'] = choose_palette(classes, categories)
        ids = {category['name']: category['id'] for category in categories}
        self.frequencies = {category['name']: category.get('frequency') for category in categories}
        self.cat_ids = [ids.get(name) for name in classes]
        self._metainfo['category_ids'] = tuple(self.cat_ids)
        self.cat2label = {category_id: label for label, category_id in enumerate(self.cat_ids)}

    def _record(self, image: dict, annotations: Sequence[dict], names: dict[Any, str]) -> dict:
        """Make the record of one image."""
        usable = self._usable_annotations(annotations, image, names)
        info = self.parse_data_info({'raw_img_info': {**image, 'img_id': image['id']}, 'raw_ann_info': usable})
        if self.test_mode and self.has_instance_truth:
            size = image['height'], image['width']
            counted = (counted_annotation(annotation, *size, self.with_mask) for annotation in annotations)
            info[TRUTH_KEY] = [annotation for annotation in counted if annotation is not None]
            info.update({key: image[key] for key in FEDERATED_KEYS if key in image})
        return info

    def _group_annotations(self, annotations: list[dict], images: list[dict], names: dict[Any, str]) -> dict:
        """Group the checked annotations by image id."""
        return group_annotations(annotations, (image['id'] for image in images), names, self.ann_file)

    def _usable_annotations(self, annotations: Sequence[dict], image: dict, names: dict[Any, str]) -> list[dict]:
        """Choose the annotations of one image that can be used; what happens to the others goes into the report."""
        usable: list[dict] = []
        seen: set[tuple] = set()
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
                object_key = (checked['category_id'], *checked['bbox'])
                if object_key in seen:
                    report.add('repeated', annotation['id'], image['file_name'])
                seen.add(object_key)
                doubt = doubt_about(checked) if self.with_mask else None
                if doubt is not None:
                    report.add(doubt, annotation['id'], image['file_name'])
        report.num_objects += len(usable)
        report.num_crowds += sum(bool(annotation.get('iscrowd')) for annotation in usable)
        return usable

    def _is_empty(self, info: dict) -> bool:
        """Whether an image is one without objects to ``filter_cfg.filter_empty_gt``."""
        return not info['instances']

    def _check_files(self, images: list[dict]) -> None:
        """Raise if image files, or semantic maps where ``data_prefix.seg`` names a folder of them, are missing."""
        names = [image['file_name'] for image in images]
        self._check_folder('img', 'images', names)
        if self.data_prefix.get('seg'):
            self._check_folder('seg', 'semantic maps', [osp.splitext(name)[0] + self.seg_map_suffix for name in names])

    def _check_folder(self, key: str, noun: str, names: list[str]) -> None:
        """Raise if files of the folder ``data_prefix[key]`` are missing; remote ones are not looked for."""
        folder = self.data_prefix.get(key, '')
        if not is_remote(folder, self.backend_args):
            refuse_missing_files(names, folder, noun, key, self.ann_file)

    def _check_sizes(self, images: list[dict]) -> None:
        """Look whether images have their annotated sizes; where none has, or a test would stop, this is an error."""
        folder = self.data_prefix.get('img', '')
        if is_remote(folder, self.backend_args):
            return
        chosen = [images[index] for index in looked_at(len(images))]
        found = [
            differs_from_file(osp.join(folder, image['file_name']), image['width'], image['height']) for image in chosen
        ]
        wrong = [(image, size) for image, size in zip(chosen, found, strict=True) if size is not None]
        if not wrong:
            return
        image, (width, height) = wrong[0]
        swapped = ' (swapped)' if (image['height'], image['width']) == (width, height) else ''
        text = (
            f"{self.ann_file}: 'width' and 'height' of {len(wrong)} of {len(chosen)} images looked at are not those of "
            f"the files, such as {image['width']}x{image['height']} of '{image['file_name']}', which has "
            f'{width}x{height}{swapped}: correct them, or use the images that were annotated.'
        )
        if self.test_mode or len(wrong) == len(chosen):
            raise AnnotationFileError(text)
        print_log(text, logger='current', level=logging.WARNING)

    def _log_report(self) -> None:
        """Log the report once, in the first process."""
        if not is_main_process():
            return
        for doubt in self.report.doubts(self.test_mode, bool(self.data_prefix.get('seg'))):
            print_log(doubt, logger='current', level=logging.WARNING)
        lines = self.report.lines()
        if not lines:
            return
        counted = [LEFT_OUT_REASONS[reason] for reason in STILL_COUNTED if reason in self.report.left_out]
        if self.test_mode and self.has_instance_truth and counted:
            lines.append(f"  COCO's evaluation counts these all the same: {'; '.join(counted)}.")
        serious = self.report.has_bad_annotations or self.report.filtered
        print_log('\n'.join(lines), logger='current', level=logging.WARNING if serious else logging.INFO)
