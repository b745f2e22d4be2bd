"""Instances, semantic map and panoptic map of one image, as annotated and as predicted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mmdet.structures import DetDataSample

from mmdet_panseg.ops import INSTANCE_OFFSET, SegmentTable

from .drawing import PanopticMap
from .instance_drawing import Instances

__all__ = ['PanopticResults', 'annotated_results', 'instances_above', 'predicted_results']


@dataclass(frozen=True)
class PanopticResults:
    """What is known about one image; each part is None where a model or a data set does not give it.

    Attributes:
        instances: Its instances.
        semantic_map: Labels of shape (H, W); others than those of the classes are void.
        panoptic: Its segments.
    """

    instances: Instances | None = None
    semantic_map: np.ndarray | None = None
    panoptic: PanopticMap | None = None

    def labels(self) -> set[int]:
        """Class indices that occur anywhere, and the semantic map's label of void."""
        found: set[int] = set() if self.semantic_map is None else set(np.unique(self.semantic_map).tolist())
        for part in (self.instances, self.panoptic):
            found.update([] if part is None else part.labels.tolist())
        return found


def annotated_results(sample: dict) -> PanopticResults:
    """The ground truth of a sample that ``LoadPanopticSegments`` has loaded.

    Args:
        sample: Sample with ``gt_seg_map`` and ``gt_segments``; without them nothing is known.

    Returns:
        Instances (objects to learn, and crowds of things), semantic map and panoptic map.
    """
    if 'gt_segments' not in sample:
        return PanopticResults()
    segment_map, table = sample['gt_seg_map'], sample['gt_segments']
    rows = table.rows
    panoptic = PanopticMap(segment_map, rows, table.labels[rows], table.is_thing[rows], crowds=table.is_crowd[rows])
    return PanopticResults(_annotated_instances(segment_map, table), table.semantic_map(segment_map), panoptic)


def _annotated_instances(segment_map: np.ndarray, table: SegmentTable) -> Instances:
    rows = table.rows
    rows = rows[table.is_instance[rows] | (table.is_thing[rows] & table.is_crowd[rows])]
    masks = segment_map[None] == rows[:, None, None]
    return Instances(masks, table.labels[rows], crowds=table.is_crowd[rows])


def predicted_results(sample: DetDataSample, num_things: int, num_classes: int, score_thr: float) -> PanopticResults:
    """What a model predicted.

    Args:
        sample: Its result, with any of ``pred_instances``, ``pred_sem_seg`` and ``pred_panoptic_seg``.
        num_things: Number of thing classes, which have the first labels.
        num_classes: Number of all classes, which is also the label of void in panoptic maps.
        score_thr: Lowest score of instances that are kept. The panoptic map has its own threshold in the model.

    Returns:
        The predictions in the resolution of the image file.
    """
    return PanopticResults(
        instances_above(sample, score_thr) if 'pred_instances' in sample else None,
        sample.pred_sem_seg.sem_seg[0].cpu().numpy() if 'pred_sem_seg' in sample else None,
        _predicted_panoptic(sample, num_things, num_classes) if 'pred_panoptic_seg' in sample else None,
    )


def instances_above(sample: DetDataSample, score_thr: float) -> Instances:
    """The predicted instances of a sample with at least a score."""
    found = sample.pred_instances
    found = found[found.scores >= score_thr].cpu().numpy()
    return Instances(np.asarray(found.masks, dtype=bool), found.labels, found.scores)


def _predicted_panoptic(sample: DetDataSample, num_things: int, num_classes: int) -> PanopticMap:
    predicted = sample.pred_panoptic_seg
    values = predicted.sem_seg[0].cpu().numpy()
    infos = predicted.metainfo.get('segments_info')
    if infos is None:
        # mmdet's models give the map alone.
        ids = np.unique(values)
        ids = ids[ids % INSTANCE_OFFSET < num_classes]
        labels = ids % INSTANCE_OFFSET
        return PanopticMap(values, ids, labels, labels < num_things)
    scores = [np.nan if info['score'] is None else info['score'] for info in infos]
    return PanopticMap(
        values,
        ids=np.array([info['id'] for info in infos], dtype=np.int64),
        labels=np.array([info['category'] for info in infos], dtype=np.int64),
        is_thing=np.array([info['isthing'] for info in infos], dtype=bool),
        scores=np.array(scores, dtype=float),
    )
