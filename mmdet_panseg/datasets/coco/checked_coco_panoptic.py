"""COCO panoptic data set that says what it leaves out."""

from __future__ import annotations

import logging
import os.path as osp
from collections.abc import Mapping, Sequence
from typing import Any

from mmdet.registry import DATASETS
from mmengine.dist import is_main_process
from mmengine.logging import print_log

from mmdet_panseg.datasets.errors import AnnotationFileError, shown
from mmdet_panseg.ops import VOID_LABEL

from .annotation_checks import check_annotation
from .annotation_report import Finding
from .checked_coco import CheckedCocoDataset
from .class_selection import PanopticClasses, choose_panoptic_classes
from .panoptic_file import segment_file_name, segments_by_image

NO_ANNOTATION = "images without an entry in 'annotations'"


@DATASETS.register_module()
class CheckedCocoPanopticDataset(CheckedCocoDataset):
    """COCO panoptic JSON and PNG files, with the checks of ``CheckedCocoDataset``.

    Records are those of mmdet's ``CocoPanopticDataset``: ``segments_info`` with ``id``, ``category`` (label),
    ``is_thing`` and, here, ``iscrowd``; ``seg_map_path``; ``instances`` of the things. So mmdet's
    ``LoadPanopticAnnotations`` works too. Differences:

    - Labels are things first, then stuff, each in the order of the file; ``metainfo`` has ``classes`` (in this order),
      ``thing_classes``, ``stuff_classes`` and ``palette`` (the file's ``color`` where every class has one). A file or
      config that lists stuff before things is remapped, which is logged once.
    - Which classes are things says ``metainfo.thing_classes`` if given, else the file's ``isthing``.
    - Crowds are things with ``iscrowd`` and an instance with ``ignore_flag=1``; mmdet takes them for stuff.
    - Segments of categories that are not in ``metainfo.classes``, and segments whose box or area is unusable, stay in
      ``segments_info`` with label 255: their pixels are void. They are counted in ``report``.
    - The PNG is the annotation's ``file_name``, with ``.png`` instead of ``.jpg``, ``.JPG`` or another suffix.
    - Images with stuff only are trained on; ``filter_cfg.filter_empty_gt`` takes out images that are void throughout.
      In training, images without an annotation are left out and counted.

    COCO's evaluation of instances needs a file of them: ``CheckedCocoMetric(ann_file=...)``.

    Args:
        ann_file: Annotation file in COCO panoptic format, relative to ``data_root``.
        metainfo: Optionally ``classes``, ``thing_classes``, ``palette``.
        data_prefix: Folders ``img`` of the images and ``seg`` of the PNG files; ``seg`` may be left out where there is
            no ground truth (``test_mode``).
        on_bad_annotation: ``'skip'`` makes segments with an unusable box or area void, ``'error'`` raises with the
            full report.
        **kwargs: Further arguments of ``CheckedCocoDataset``.

    Raises:
        MissingDataError: If the annotation file, images or PNG files do not exist.
        AnnotationFileError: If the annotation file does not fit together, or does not fit the config.
    """

    # Panoptic metrics read the loaded samples, in which left-out segments are void.
    has_instance_truth = False

    def __init__(
        self,
        ann_file: str = '',
        metainfo: Mapping | None = None,
        data_prefix: Mapping | None = None,
        on_bad_annotation: str = 'skip',
        **kwargs: Any,
    ) -> None:
        prefix = dict(data_prefix or {'img': ''})
        if not kwargs.get('test_mode') and not prefix.get('seg'):
            raise AnnotationFileError(
                f"'data_prefix' of the data set of '{ann_file}' has no 'seg': name the folder of the panoptic PNG "
                'files.'
            )
        super().__init__(ann_file, metainfo, on_bad_annotation, with_mask=False, data_prefix=prefix, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Load and check the annotation file; see ``CheckedCocoDataset``."""
        data_list = super().load_data_list()
        # The records have the names now, and loader processes need no second copy.
        del self._segment_files
        return data_list

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """Make the record of one image.

        Args:
            raw_data_info: ``raw_img_info``, an entry of ``images``, and ``raw_ann_info``, its checked segments.

        Returns:
            The record.
        """
        image, segments = raw_data_info['raw_img_info'], raw_data_info['raw_ann_info']
        info = super().parse_data_info({'raw_img_info': image, 'raw_ann_info': []})
        name = self._segment_files.get(image['id'])
        folder = self.data_prefix.get('seg')
        info['seg_map_path'] = osp.join(folder, name) if folder and name else None
        info['segments_info'] = [{key: s[key] for key in ('id', 'category', 'is_thing', 'iscrowd')} for s in segments]
        info['instances'] = [_instance(segment) for segment in segments if segment['is_thing']]
        return info

    def filter_data(self) -> list[dict]:
        """Filter images as ``filter_cfg`` says, after those that have no annotation to train on."""
        if not self.test_mode:
            lacking = [info for info in self.data_list if info['seg_map_path'] is None]
            for info in lacking:
                finding = self.report.filtered.setdefault(NO_ANNOTATION, Finding())
                finding.add(info['img_id'], osp.basename(info['img_path']))
            self.data_list = [info for info in self.data_list if info['seg_map_path'] is not None]
            if not self.data_list:
                raise AnnotationFileError('\n'.join([*self.report.lines(), 'No image is left to train on.']))
        return super().filter_data()

    def _settle_classes(self, categories: list[dict]) -> None:
        """Settle class names, things first, with palette and the map from category ids to labels."""
        wanted = None if self._classes_from_file else self._metainfo['classes']
        chosen = choose_panoptic_classes(categories, wanted, self._metainfo, self.ann_file)
        if chosen.asked != chosen.things + chosen.stuff:
            self._move_things_first(chosen)
        self._set_classes(categories, chosen.things, chosen.stuff)

    def _move_things_first(self, chosen: PanopticClasses) -> None:
        """Say that labels are not in the order asked for, and move the colours of the config along."""
        palette = self._metainfo.get('palette')
        if self._palette_given and isinstance(palette, Sequence) and len(palette) == len(chosen.asked):
            colour_of = dict(zip(chosen.asked, palette, strict=True))
            self._metainfo['palette'] = [colour_of[name] for name in chosen.things + chosen.stuff]
        if is_main_process():
            print_log(
                f"{self.ann_file}: 'categories' or 'metainfo.classes' list stuff before things; labels are things "
                f'first: {len(chosen.things)} things from label 0 ({shown(chosen.things)}), '
                f'{len(chosen.stuff)} stuff classes from label {len(chosen.things)} ({shown(chosen.stuff)}).',
                logger='current',
                level=logging.WARNING,
            )

    def _group_annotations(self, annotations: list[dict], images: list[dict], names: dict[Any, str]) -> dict:
        """Group the checked segments by image id, and keep the names of their PNG files."""
        image_of = {image['id']: image for image in images}
        grouped = segments_by_image(annotations, image_of, names, self.ann_file)
        self._segment_files = {
            annotation['image_id']: segment_file_name(annotation, image_of[annotation['image_id']])
            for annotation in annotations
        }
        return grouped

    def _check_files(self, images: list[dict]) -> None:
        """Raise if image or PNG files are missing."""
        self._check_folder('img', 'images', [image['file_name'] for image in images])
        if self.data_prefix.get('seg'):
            self._check_folder('seg', 'panoptic PNG files', list(self._segment_files.values()))

    def _usable_annotations(self, annotations: Sequence[dict], image: dict, names: dict[Any, str]) -> list[dict]:
        """Label the segments of one image; void ones go into the report."""
        return [self._checked_segment(segment, image, names) for segment in annotations]

    def _checked_segment(self, segment: dict, image: dict, names: dict[Any, str]) -> dict:
        report, label = self.report, self.cat2label.get(segment['category_id'], VOID_LABEL)
        if label == VOID_LABEL:
            name = names[segment['category_id']]
            report.unused_categories[name] = report.unused_categories.get(name, 0) + 1
        else:
            _, reason = check_annotation(segment, image['height'], image['width'], with_mask=False)
            if reason is None:
                report.num_objects += 1
            else:
                report.add(reason, segment['id'], image['file_name'])
                label = VOID_LABEL
        return {
            'id': segment['id'],
            'category': label,
            'is_thing': label < len(self._metainfo['thing_classes']),
            'iscrowd': bool(segment.get('iscrowd', 0)) and label != VOID_LABEL,
            'bbox': segment['bbox'],
        }

    def _is_empty(self, info: dict) -> bool:
        """Whether an image is void throughout."""
        return all(segment['category'] == VOID_LABEL for segment in info['segments_info'])


def _instance(segment: dict) -> dict:
    """Record of a thing, as mmdet has it."""
    x, y, width, height = segment['bbox']
    return {
        'bbox': [x, y, x + width, y + height],
        'bbox_label': segment['category'],
        'ignore_flag': int(segment['iscrowd']),
    }
