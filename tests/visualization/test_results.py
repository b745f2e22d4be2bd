from __future__ import annotations

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData, PixelData

from mmdet_panseg.ops import VOID_LABEL, VOID_ROW, SegmentTable
from mmdet_panseg.visualization import annotated_results, predicted_results

# Two things, two classes of stuff.
THINGS, CLASSES = 2, 4


def test_annotations_are_segments_instances_and_labels():
    segment_map = np.array([[0, 0, 1], [2, VOID_ROW, 3]], np.uint16)
    table = SegmentTable.from_segments(
        ids=[10, 20, 30, 40], labels=[1, 3, 0, 2], is_thing=[1, 0, 1, 0], is_crowd=[0, 0, 1, 0]
    )
    found = annotated_results(dict(gt_seg_map=segment_map, gt_segments=table))
    assert found.semantic_map.tolist() == [[1, 1, 3], [0, VOID_LABEL, 2]]
    assert found.panoptic.labels.tolist() == [1, 3, 0, 2]
    assert found.panoptic.is_thing.tolist() == [True, False, True, False]
    assert found.panoptic.crowds.tolist() == [False, False, True, False]
    assert found.panoptic.index_map().tolist() == [[0, 0, 1], [2, -1, 3]]
    assert found.instances.labels.tolist() == [1, 0] and found.instances.crowds.tolist() == [False, True]
    assert found.instances.masks.tolist() == [[[1, 1, 0], [0, 0, 0]], [[0, 0, 0], [1, 0, 0]]]
    assert found.labels() == {0, 1, 2, 3, VOID_LABEL}


def test_images_without_annotations_have_no_results():
    found = annotated_results(dict(img=np.zeros((2, 2, 3))))
    assert found.instances is None and found.semantic_map is None and found.panoptic is None
    assert found.labels() == set()


def sample(segments_info=None):
    panoptic = torch.tensor([[[1001, 1001, 2], [2000, 4, 3]]])
    metainfo = {} if segments_info is None else dict(segments_info=segments_info)
    masks = torch.zeros(2, 2, 3, dtype=torch.bool)
    masks[0, 0, :2] = masks[1, 1, 0] = True
    return DetDataSample(
        pred_instances=InstanceData(masks=masks, scores=torch.tensor([0.9, 0.2]), labels=torch.tensor([1, 0])),
        pred_sem_seg=PixelData(sem_seg=torch.tensor([[[1, 1, 2], [0, 3, 3]]])),
        pred_panoptic_seg=PixelData(sem_seg=panoptic, metainfo=metainfo),
    )


def test_predictions_have_scores_where_there_are_any():
    infos = [
        dict(id=1001, category=1, isthing=True, score=0.9),
        dict(id=2000, category=0, isthing=True, score=0.2),
        dict(id=2, category=2, isthing=False, score=None),
        dict(id=3, category=3, isthing=False, score=None),
    ]
    found = predicted_results(sample(infos), THINGS, CLASSES, score_thr=0.3)
    assert found.instances.labels.tolist() == [1] and found.instances.masks.sum() == 2
    assert found.semantic_map.tolist() == [[1, 1, 2], [0, 3, 3]]
    assert found.panoptic.index_map().tolist() == [[0, 0, 2], [1, -1, 3]]
    assert found.panoptic.scores[:2].tolist() == [0.9, 0.2] and np.isnan(found.panoptic.scores[2:]).all()


def test_maps_alone_are_read_as_mmdet_writes_them():
    found = predicted_results(sample(), THINGS, CLASSES, score_thr=0).panoptic
    segments = sorted(zip(found.ids.tolist(), found.labels.tolist(), found.is_thing.tolist(), strict=True))
    assert segments == [(2, 2, False), (3, 3, False), (1001, 1, True), (2000, 0, True)]
    assert found.scores is None and (found.index_map() == -1).sum() == 1


def test_what_a_model_does_not_predict_is_none():
    full = sample()
    for key, part in (
        ('pred_instances', 'instances'),
        ('pred_sem_seg', 'semantic_map'),
        ('pred_panoptic_seg', 'panoptic'),
    ):
        alone = DetDataSample(**{key: getattr(full, key)})
        found = predicted_results(alone, THINGS, CLASSES, score_thr=0)
        given = {name for name in ('instances', 'semantic_map', 'panoptic') if getattr(found, name) is not None}
        assert given == {part}
