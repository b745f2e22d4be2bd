"""Semantic maps of instance data, in the labels of the data set."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS

from mmdet_panseg.datasets.dataset_classes import DatasetClasses
from mmdet_panseg.datasets.errors import AnnotationFileError, BrokenImageError
from mmdet_panseg.ops import VOID_LABEL


@TRANSFORMS.register_module()
class MapSemanticLabels(BaseTransform):
    """Map the raw values of a semantic map to labels, things then stuff, by one table look-up.

    For data sets that have instances in a JSON and stuff in a semantic map for each image, as COCO-Stuff's
    ``stuffthingmaps``. Stands right after mmdet's ``LoadAnnotations(with_seg=True)``. Values that nothing names are
    void (255). For COCO-Stuff, where a pixel's value is the category id minus 1::

        dataset = dict(
            type='CheckedCocoDataset',
            ann_file='annotations/instances_train2017.json',
            data_prefix=dict(img='train2017/', seg='stuffthingmaps/train2017/'),
            metainfo=dict(stuff_classes=('sky-other', 'grass')),
            pipeline=[
                dict(type='LoadCheckedImage'),
                dict(type='LoadBoxedAnnotations', with_seg=True),
                dict(type='MapSemanticLabels', label_map={156: 'sky-other', 123: 'grass'}, category_offset=1),
                ...,
                dict(type='FixClassGT'),
                dict(type='PackPanopticInputs'),
            ],
        )

    The classes are those of ``CheckedCocoDataset``: the things are the categories of the JSON, the stuff follows in the
    order of ``metainfo.stuff_classes``. At test time ``LoadAnnotations(with_bbox=False, with_label=False,
    with_seg=True)`` and this transform stand after ``Resize``, so that ground truth keeps its size.

    Required keys: ``gt_seg_map``, integers of shape (H, W); ``dataset_classes``. Modified key: ``gt_seg_map``, uint8.

    Args:
        label_map: Class name or category id by raw value.
        category_offset: If given, a raw value ``v`` that ``label_map`` does not name is the category id
            ``v + category_offset`` of the annotation file.
    """

    def __init__(self, label_map: Mapping[int, str | int] | None = None, category_offset: int | None = None) -> None:
        if not label_map and category_offset is None:
            raise ValueError("MapSemanticLabels: give 'label_map', 'category_offset' or both")
        bad = [value for value in label_map or () if not isinstance(value, int) or value < 0]
        if bad:
            raise ValueError(f'MapSemanticLabels: raw values must be whole numbers from 0, not {bad[0]!r}')
        self.label_map = dict(label_map or {})
        self.category_offset = category_offset

    def transform(self, results: dict) -> dict:
        """Map one sample.

        Raises:
            KeyError: If no semantic map is loaded.
            DatasetError: If a class of ``label_map`` is unknown.
            AnnotationFileError: If the map has several channels.
            BrokenImageError: If it has another size than the image of the annotation file.
        """
        raw = results.get('gt_seg_map')
        if raw is None:
            raise KeyError(
                'MapSemanticLabels needs gt_seg_map: put LoadAnnotations(with_seg=True) before it and name the folder '
                "of the semantic maps in the data set's data_prefix=dict(seg=...)"
            )
        _check_map(raw, results)
        table = self._look_up_table(DatasetClasses.of(results, type(self).__name__))
        # Values beyond the table are void, as its last entry is.
        results['gt_seg_map'] = np.take(table, np.minimum(raw, len(table) - 1))
        return results

    def _look_up_table(self, classes: DatasetClasses) -> np.ndarray:
        """Look up the label of each raw value, uint8; the last entry is void."""
        labels = {}
        if self.category_offset is not None:
            labels = {
                category_id - self.category_offset: label
                for label, category_id in enumerate(classes.category_ids)
                if category_id is not None and category_id >= self.category_offset
            }
        chosen = classes.labels(list(self.label_map.values()), f'{type(self).__name__}(label_map)')
        labels.update(zip(self.label_map, chosen, strict=True))
        table = np.full(max(labels, default=0) + 2, VOID_LABEL, np.uint8)
        table[list(labels)] = list(labels.values())
        return table

    def __repr__(self) -> str:
        return f'{type(self).__name__}(label_map={self.label_map}, category_offset={self.category_offset})'


def _check_map(raw: np.ndarray, results: dict) -> None:
    """Raise unless the map has one channel and the size of the image."""
    path = results.get('seg_map_path')
    if raw.ndim != 2:
        raise AnnotationFileError(
            f"Semantic map '{path}' has {raw.shape[2]} channels; it must be greyscale with one class id a pixel "
            "(of palette files, LoadAnnotations(imdecode_backend='pillow') reads the ids)."
        )
    size = (results.get('height', raw.shape[0]), results.get('width', raw.shape[1]))
    if raw.shape != size:
        raise BrokenImageError(
            f"Semantic map '{path}' is {raw.shape[1]}x{raw.shape[0]}, its image is {size[1]}x{size[0]} (width x "
            'height); use the maps made for these images.',
            'wrong size',
            'seg_map_path',
        )
