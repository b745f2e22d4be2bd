"""What is drawn: instances, semantic map and panoptic map of one image, as annotated and as predicted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks, PolygonMasks
from mmengine.structures import InstanceData

from mmdet_panseg.datasets.transforms.instance_keys import MASK_TARGET_KEY
from mmdet_panseg.ops import INSTANCE_OFFSET, SegmentTable

from .painting import VOID


@dataclass(frozen=True)
class Instances:
    """Instances of one image.

    Attributes:
        masks: Boolean masks of shape (N, H, W).
        labels: Class indices of shape (N,).
        scores: Scores of shape (N,), or None for annotations.
        crowds: Whether each is a crowd region, of shape (N,), or None for none.
        numbers: Which variation of its class's colour each has, of shape (N,); None for the next one each.
    """

    masks: np.ndarray
    labels: np.ndarray
    scores: np.ndarray | None = None
    crowds: np.ndarray | None = None
    numbers: np.ndarray | None = None


@dataclass(frozen=True)
class PanopticMap:
    """The segments of one image.

    Attributes:
        segment_map: Id of each pixel's segment, integers of shape (H, W); pixels of other ids are void.
        ids: Ids of the segments, shape (N,).
        labels: Their class indices, shape (N,).
        is_thing: Whether each is a thing, shape (N,).
        scores: Scores of shape (N,), NaN where there is none, or None for annotations.
        crowds: Whether each is a crowd, shape (N,), or None for none.
        numbers: As :class:`Instances` has them; those of stuff are not looked at.
    """

    segment_map: np.ndarray
    ids: np.ndarray
    labels: np.ndarray
    is_thing: np.ndarray
    scores: np.ndarray | None = None
    crowds: np.ndarray | None = None
    numbers: np.ndarray | None = None

    def index_map(self) -> np.ndarray:
        """Look up the index of each pixel's segment, -1 for void, int64, shape (H, W)."""
        order = np.argsort(self.ids, kind='stable')
        ids = np.asarray(self.ids, dtype=np.int64)[order]
        if not len(ids):
            return np.full(self.segment_map.shape, VOID, dtype=np.int64)
        values = self.segment_map.astype(np.int64)
        place = np.searchsorted(ids, values).clip(max=len(ids) - 1)
        return np.where(ids[place] == values, order[place], VOID)


@dataclass(frozen=True)
class ImageResults:
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
        """Collect the class indices that occur anywhere, and the semantic map's label of void."""
        found: set[int] = set() if self.semantic_map is None else set(np.unique(self.semantic_map).tolist())
        for part in (self.instances, self.panoptic):
            found.update([] if part is None else part.labels.tolist())
        return found


def annotated_results(sample: dict) -> ImageResults:
    """Read the ground truth of a sample.

    Args:
        sample: Sample as ``LoadPanopticSegments`` (``gt_seg_map`` and ``gt_segments``) or mmdet's ``LoadAnnotations``
            (``gt_masks``) leaves it; with neither nothing is known.

    Returns:
        Instances (objects to learn, and crowds of things) and, of panoptic samples, semantic map and panoptic map.
    """
    if 'gt_segments' not in sample:
        if 'gt_masks' not in sample:
            return ImageResults()
        masks = sample['gt_masks'].to_ndarray().astype(bool)
        return ImageResults(Instances(masks, sample['gt_bboxes_labels'], crowds=sample['gt_ignore_flags']))
    segment_map, table = sample['gt_seg_map'], sample['gt_segments']
    rows = table.rows
    panoptic = _annotated_panoptic(segment_map, table)
    objects = rows[table.is_instance[rows] | (table.is_thing[rows] & table.is_crowd[rows])]
    masks = segment_map[None] == objects[:, None, None]
    instances = Instances(masks, table.labels[objects], crowds=table.is_crowd[objects])
    return ImageResults(instances, table.semantic_map(segment_map), panoptic)


def packed_results(sample: DetDataSample, size: tuple[int, int]) -> ImageResults:
    """Read the ground truth of a sample as the network gets it.

    Args:
        sample: Packed sample, of tensors or of arrays. Where full masks were left out, the mask targets of the finest
            stride stand for them.
        size: Height and width of the image in pixels. Ground truth of another size is left out.

    Returns:
        What there is of instances without crowds, semantic map and panoptic map.
    """
    semantic = np.asarray(sample.gt_sem_seg.sem_seg[0]) if 'gt_sem_seg' in sample else None
    panoptic = None
    if 'gt_panoptic_seg' in sample and 'segments' in sample.gt_panoptic_seg.metainfo:
        segments = sample.gt_panoptic_seg
        panoptic = _annotated_panoptic(np.asarray(segments.sem_seg[0]), segments.metainfo['segments'])
    masks = _packed_masks(sample.gt_instances, size) if 'gt_instances' in sample else None
    return ImageResults(
        None if masks is None or masks.shape[1:] != size else Instances(masks, np.asarray(sample.gt_instances.labels)),
        None if semantic is None or semantic.shape != size else semantic,
        None if panoptic is None or panoptic.segment_map.shape != size else panoptic,
    )


def _annotated_panoptic(segment_map: np.ndarray, table: SegmentTable) -> PanopticMap:
    rows = table.rows
    return PanopticMap(segment_map, rows, table.labels[rows], table.is_thing[rows], crowds=table.is_crowd[rows])


def _packed_masks(instances: InstanceData, size: tuple[int, int]) -> np.ndarray | None:
    """Masks of shape (N, H, W), bool; None if the instances have boxes alone."""
    if 'masks' in instances:
        masks = instances.masks
        masks = masks.to_ndarray() if isinstance(masks, (BitmapMasks, PolygonMasks)) else np.asarray(masks)
        return masks.astype(bool)
    prefix = MASK_TARGET_KEY.format('')
    strides = [int(key.removeprefix(prefix)) for key in instances.keys() if key.startswith(prefix)]  # noqa: SIM118
    if not strides:
        return None
    stride = min(strides)
    targets = np.asarray(instances[MASK_TARGET_KEY.format(stride)]).astype(bool)
    return targets.repeat(stride, axis=1).repeat(stride, axis=2)[:, : size[0], : size[1]]


def predicted_results(sample: DetDataSample, num_things: int, num_classes: int, score_thr: float) -> ImageResults:
    """Read what a model predicted.

    Args:
        sample: Its result, with any of ``pred_instances`` (with masks), ``pred_sem_seg``, ``pred_panoptic_seg``.
        num_things: Number of thing classes, which have the first labels.
        num_classes: Number of all classes, which is also the label of void in panoptic maps.
        score_thr: Lowest score of instances that are kept. The panoptic map has its own threshold in the model.

    Returns:
        The predictions in the resolution of the image file.
    """
    return ImageResults(
        predicted_instances(sample, score_thr) if 'masks' in sample.get('pred_instances', ()) else None,
        sample.pred_sem_seg.sem_seg[0].cpu().numpy() if 'pred_sem_seg' in sample else None,
        _predicted_panoptic(sample, num_things, num_classes) if 'pred_panoptic_seg' in sample else None,
    )


def predicted_instances(sample: DetDataSample, score_thr: float) -> Instances:
    """Read the predicted instances of a sample with at least a score."""
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
