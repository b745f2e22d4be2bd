"""Training on some of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS

from mmdet_panseg.datasets.dataset_classes import DatasetClasses
from mmdet_panseg.datasets.errors import DatasetError
from mmdet_panseg.ops import VOID_LABEL, SegmentTable, merge_segments

from .instance_keys import keep_instances

VOID = 'void'


@TRANSFORMS.register_module()
class FilterCategories(BaseTransform):
    """Turn the segments of some classes into void, or into segments of another class.

    Labels keep their numbers; to have fewer classes, choose ``metainfo.classes`` of the data set. Classes are named by
    the sample's ``dataset_classes``, which ``CheckedCocoDataset`` and ``CheckedCocoPanopticDataset`` put there, as
    transforms do not see the meta information of a data set.

    Stands after loading. With ``LoadPanopticSegments`` this is an edit of the segment table. With mmdet's
    ``LoadAnnotations`` instances are dropped or renamed, and labels of the semantic map (after ``MapSemanticLabels``)
    are looked up.

    Renamed to a stuff class, segments become parts of the image's segment of that class, as stuff has one; things are
    no instances or crowds any more. Things renamed to a thing class stay instances. Stuff cannot become a thing.

    Required keys: ``dataset_classes`` and ``gt_segments`` or those of mmdet's ``LoadAnnotations``. Modified keys:
    ``gt_seg_map`` and ``gt_segments``, or the instances and ``gt_seg_map``.

    Args:
        keep: Classes that stay, all others are turned; names, or category ids of the annotation file.
        drop: Classes that are turned. Give this or ``keep``.
        to: ``'void'``, or the name or category id of the class that takes their pixels.
    """

    def __init__(
        self,
        keep: Sequence[str | int] | None = None,
        drop: Sequence[str | int] | None = None,
        to: str | int = VOID,
    ) -> None:
        if (keep is None) == (drop is None):
            raise ValueError("FilterCategories: give either 'keep' or 'drop'")
        for key, value in (('keep', keep), ('drop', drop)):
            if isinstance(value, str):
                raise ValueError(f'FilterCategories: {key} must be a list of classes, not the text {value!r}')
        self.keep = keep
        self.drop = drop
        self.to = to

    def transform(self, results: dict) -> dict:
        """Edit one sample.

        Raises:
            DatasetError: If a class is unknown, or stuff would become a thing.
        """
        classes = DatasetClasses.of(results, type(self).__name__)
        new_labels = self._look_up_table(classes)
        if 'gt_segments' in results:
            table = results['gt_segments']
            renamed = _renamed(table, new_labels, classes.num_things)
            into = _parts_of_stuff(renamed, renamed.labels != table.labels)
            results['gt_seg_map'], results['gt_segments'] = merge_segments(results['gt_seg_map'], renamed, into)
            return results
        if 'gt_bboxes_labels' in results:
            labels = new_labels[results['gt_bboxes_labels']]
            results['gt_bboxes_labels'] = labels
            keep_instances(results, np.flatnonzero(labels < classes.num_things))
        if results.get('gt_seg_map') is not None:
            results['gt_seg_map'] = np.take(new_labels.astype(np.uint8), results['gt_seg_map'])
        return results

    def _look_up_table(self, classes: DatasetClasses) -> np.ndarray:
        """Look up the new label of each label, int64, shape (256,)."""
        user = type(self).__name__
        count = len(classes.names)
        if self.drop is not None:
            turned = classes.labels(self.drop, f'{user}(drop)')
        else:
            turned = sorted(set(range(count)) - set(classes.labels(self.keep, f'{user}(keep)')))
        target = VOID_LABEL if self.to == VOID else classes.labels([self.to], f'{user}(to)')[0]
        stuff = [classes.names[label] for label in turned if label >= classes.num_things and label != target]
        if target < classes.num_things and stuff:
            raise DatasetError(f'{user}: stuff ({", ".join(stuff)}) cannot become the thing class {self.to!r}')
        new_labels = np.full(VOID_LABEL + 1, VOID_LABEL, np.int64)
        new_labels[:count] = np.arange(count)
        new_labels[turned] = target
        return new_labels

    def __repr__(self) -> str:
        return f'{type(self).__name__}(keep={self.keep}, drop={self.drop}, to={self.to!r})'


def _renamed(table: SegmentTable, new_labels: np.ndarray, num_things: int) -> SegmentTable:
    """Table with new labels; what is no thing any more is no instance and no crowd."""
    labels = new_labels[table.labels]
    changed = labels != table.labels
    is_thing = np.where(changed, labels < num_things, table.is_thing)
    still = is_thing | ~changed
    renamed = replace(
        table,
        labels=labels,
        is_thing=is_thing,
        is_instance=table.is_instance & still,
        is_crowd=table.is_crowd & still,
    )
    return renamed.void(labels == VOID_LABEL)


def _parts_of_stuff(table: SegmentTable, changed: np.ndarray) -> np.ndarray:
    """Row that each row becomes part of: those changed to a stuff class join the segment that is of it already."""
    into = np.arange(len(table))
    parts = np.flatnonzero(changed & ~table.is_thing & (table.labels != VOID_LABEL))
    if len(parts):
        # All have the one class that the transform renames to.
        same = np.flatnonzero(table.labels == table.labels[parts[0]])
        own = same[~changed[same]]
        into[parts] = own[0] if len(own) else parts[0]
    return into
