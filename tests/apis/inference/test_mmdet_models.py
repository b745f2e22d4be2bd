from __future__ import annotations

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData, PixelData

from inference_cases import METAINFO, NAMES, photograph, write_run
from mmdet_panseg.apis.inference import ClassNames, OutputError, PanopticInferencer, draw_prediction
from mmdet_panseg.apis.inference.output.result_folder import choose_outputs
from mmdet_panseg.apis.inference.sample_reading import read_prediction
from mmdet_panseg.engine import load_config

SIZE = (6, 8)
CLASSES = ClassNames(NAMES, 4, METAINFO['palette'])


def test_a_panoptic_map_alone_is_described():
    """As mmdet's models give it: label + 1000 k, void is the number of classes, and nothing else."""
    values = np.full(SIZE, len(NAMES))
    values[:2], values[2:4, :3], values[2:4, 3:6] = 5, 1001, 2001
    sample = DetDataSample(pred_panoptic_seg=PixelData(sem_seg=torch.from_numpy(values)[None]))
    found = read_prediction(sample, 'a.png', SIZE, CLASSES, 0.3)
    assert len(found) == 0 and found.semantic_map is None
    assert np.array_equal(found.panoptic_map, np.where(values == len(NAMES), 0, values + 1))
    assert found.segments_info == [
        dict(id=6, category_id=5, isthing=False, score=None, area=16, bbox=[0, 0, 8, 2]),
        dict(id=1002, category_id=1, isthing=True, score=None, area=6, bbox=[0, 2, 3, 2]),
        dict(id=2002, category_id=1, isthing=True, score=None, area=6, bbox=[3, 2, 3, 2]),
    ]


def test_boxes_alone_are_read_and_drawn():
    boxes = torch.tensor([[1.0, 1, 4, 5], [0, 0, 2, 2]])
    instances = InstanceData(bboxes=boxes, scores=torch.tensor([0.4, 0.8]), labels=torch.tensor([2, 0]))
    sample = DetDataSample(pred_instances=instances)
    found = read_prediction(sample, 'a.png', SIZE, CLASSES, 0.3)
    assert found.scores.tolist() == pytest.approx([0.8, 0.4]) and found.labels.tolist() == [0, 2]
    assert found.boxes.tolist() == boxes.flip(0).tolist() and found.masks == []
    from dataclasses import replace

    assert draw_prediction(replace(found, image=np.zeros((*SIZE, 3), np.uint8))).shape[1] == 8
    with pytest.raises(OutputError, match='gives no panoptic maps'):
        choose_outputs(found, ['panoptic'], ())


def test_void_of_semantic_maps_is_one_value():
    labels = torch.tensor([[0, 6, 7, 255, -1]])
    sample = DetDataSample(pred_sem_seg=PixelData(sem_seg=labels[None]))
    found = read_prediction(sample, 'a.png', (1, 5), CLASSES, 0.3)
    assert found.semantic_map.tolist() == [[0, 6, 255, 255, 255]] and found.semantic_map.dtype == np.uint8


@pytest.mark.parametrize('name', ['mask_rcnn_effl0_fpn', 'panoptic_fpn_effl0_fpn'])
def test_models_of_mmdet_work_too(name, tmp_path, repository):
    model = load_config(repository / 'configs' / '_base_' / 'models' / f'{name}.py').model
    counts = dict(num_classes=4, num_things_classes=4, num_stuff_classes=3)
    for owner in (model.roi_head.bbox_head, model.roi_head.mask_head):
        owner.num_classes = 4
    metainfo = dict(classes=NAMES[:4])
    if 'semantic_head' in model:
        for head in (model.semantic_head, model.panoptic_fusion_head):
            head.update({key: value for key, value in counts.items() if key != 'num_classes'})
        metainfo = METAINFO
    model.backbone.pretrained = False
    write_run(tmp_path, model, metainfo=metainfo)
    (found,) = PanopticInferencer(tmp_path, score_thr=0.0)(photograph())
    assert found.size == (90, 130) and (found.panoptic_map is None) == ('semantic_head' not in model)
    if found.panoptic_map is not None:
        assert found.panoptic_map.shape == (90, 130)
