"""Stuff segments as their connected parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS

from mmdet_panseg.datasets.dataset_classes import DatasetClasses
from mmdet_panseg.datasets.errors import DatasetError
from mmdet_panseg.ops import SegmentTable, split_islands


@TRANSFORMS.register_module()
class SplitStuffIslands(BaseTransform):
    """Give each 8-connected part of a stuff segment a row of its own in the segment table.

    Parts keep label and id of their segment: ``table.ids[map]`` is still the PNG and the semantic map does not change.
    Parts below ``min_area`` stay in the segment's row. Stands after ``LoadPanopticSegments``.

    With ``as_instances``, parts of at least ``min_area`` are objects to learn. Their labels are those of stuff, so an
    instance head needs ``num_classes`` for things and stuff.

    Required keys: ``gt_seg_map``, ``gt_segments``; with ``class_min_area`` also ``dataset_classes``, which the data
    sets of this package give. Modified keys: the first two.

    Args:
        min_area: Smallest area in pixels of a part with its own row.
        class_min_area: Smallest areas of some classes, by name or category id.
        as_instances: Whether the parts become instances.
    """

    def __init__(
        self,
        min_area: int = 100,
        class_min_area: Mapping[str | int, int] | None = None,
        as_instances: bool = False,
    ) -> None:
        areas = [min_area, *(class_min_area or {}).values()]
        if min(areas) < 1:
            raise ValueError(f'SplitStuffIslands: areas must be at least 1 pixel, not {min(areas)}')
        self.min_area = min_area
        self.class_min_area = dict(class_min_area or {})
        self.as_instances = as_instances

    def transform(self, results: dict) -> dict:
        """Split the stuff of one sample.

        Raises:
            KeyError: If there is no segment table.
            DatasetError: If a class of ``class_min_area`` is unknown, or there are too many islands.
        """
        if 'gt_segments' not in results:
            raise KeyError('SplitStuffIslands needs gt_segments: put LoadPanopticSegments before it')
        table = results['gt_segments']
        rows = table.rows[~table.is_thing[table.rows]]
        min_areas = self._min_areas(results)[table.labels[rows]]
        try:
            islands = split_islands(results['gt_seg_map'], rows, min_areas, len(table))
        except ValueError as error:
            name = results.get('seg_map_path') or results.get('img_path')
            raise DatasetError(f"SplitStuffIslands: '{name}': {error}.") from error
        emptied = np.zeros(len(table) + len(islands.parents), bool)
        emptied[rows[~islands.leftover]] = True
        results['gt_seg_map'] = islands.rows
        results['gt_segments'] = self._with_islands(table, islands.parents).void(emptied)
        return results

    def _min_areas(self, results: dict) -> np.ndarray:
        """Look up the smallest area of each label, int64, shape (256,)."""
        areas = np.full(256, self.min_area, np.int64)
        if self.class_min_area:
            classes = DatasetClasses.of(results, type(self).__name__)
            labels = classes.labels(list(self.class_min_area), f'{type(self).__name__}(class_min_area)')
            areas[labels] = list(self.class_min_area.values())
        return areas

    def _with_islands(self, table: SegmentTable, parents: np.ndarray) -> SegmentTable:
        """Add a row for each part."""
        columns = {
            name: np.concatenate([getattr(table, name), getattr(table, name)[parents]])
            for name in ('ids', 'labels', 'is_thing', 'is_crowd')
        }
        is_instance = np.concatenate([table.is_instance, np.full(len(parents), self.as_instances)])
        return replace(table, is_instance=is_instance, **columns)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(min_area={self.min_area}, class_min_area={self.class_min_area}, '
            f'as_instances={self.as_instances})'
        )
