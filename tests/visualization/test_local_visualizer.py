from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import VISUALIZERS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData, PixelData

import mmdet_panseg  # noqa: F401, registers the visualizer
from mmdet_panseg.visualization import packed_results
from mmdet_panseg.visualization.drawing import draw_instances, draw_panoptic_map, draw_semantic_map
from mmdet_panseg.visualization.result_rows import DrawnClasses
from mmdet_panseg.visualization.results import predicted_results

META = dict(classes=('cat', 'dog', 'sky'), thing_classes=('cat', 'dog'), stuff_classes=('sky',))
IMAGE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
CLASSES = DrawnClasses.of(META)


def visualizer(**meta):
    found = VISUALIZERS.build(dict(type='PanopticLocalVisualizer', name=f'v{np.random.default_rng().integers(10**9)}'))
    found.dataset_meta = {**META, **meta}
    return found


def masks():
    found = np.zeros((2, 60, 80), np.uint8)
    found[0, 4:30, 4:30], found[1, 20:50, 40:70] = 1, 1
    return found


def predicted(with_panoptic=False, scores=(0.9, 0.2)):
    sample = DetDataSample()
    sample.pred_instances = InstanceData(
        masks=torch.from_numpy(masks()).bool(), labels=torch.tensor([0, 1]), scores=torch.tensor(scores)
    )
    semantic = torch.full((1, 60, 80), 2)
    semantic[0, 4:30, 4:30] = 0
    sample.pred_sem_seg = PixelData(sem_seg=semantic)
    if with_panoptic:
        sample.pred_panoptic_seg = PixelData(sem_seg=semantic + 1000 * (semantic == 0))
    return sample


def annotated(**fields):
    sample = DetDataSample()
    sample.gt_instances = InstanceData(labels=torch.tensor([0, 1]), bboxes=torch.zeros(2, 4), **fields)
    return sample


def drawn(sample, **kwargs):
    tool = visualizer()
    tool.add_datasample('image', IMAGE, sample, **kwargs)
    return tool.get_image()


def test_instances_above_the_threshold_stand_beside_the_semantic_map():
    found = predicted_results(predicted(), 2, 3, 0.3)
    expected = [
        draw_instances(IMAGE, found.instances, CLASSES.names, CLASSES.palette),
        draw_semantic_map(IMAGE, found.semantic_map, CLASSES.names, CLASSES.colors()),
    ]
    assert len(found.instances.labels) == 1
    assert (drawn(predicted()) == np.concatenate(expected, axis=1)).all()


def test_panoptic_map_is_drawn_alone():
    found = predicted_results(predicted(with_panoptic=True), 2, 3, 0.3)
    expected = draw_panoptic_map(IMAGE, found.panoptic, CLASSES.names, CLASSES.palette)
    assert (drawn(predicted(with_panoptic=True)) == expected).all()


def test_ground_truth_is_left_of_the_prediction():
    sample = predicted(with_panoptic=True)
    sample.gt_instances = annotated(masks=BitmapMasks(masks(), 60, 80)).gt_instances
    both = drawn(sample)
    assert both.shape == (60, 160, 3)
    assert (both[:, 80:] == drawn(predicted(with_panoptic=True))).all()
    assert (drawn(sample, draw_gt=False) == both[:, 80:]).all()
    assert (drawn(sample, draw_pred=False) == both[:, :80]).all()


@pytest.mark.parametrize('make', [lambda m: BitmapMasks(m, 60, 80), torch.from_numpy, lambda m: m])
def test_masks_of_any_kind_are_read(make):
    found = packed_results(annotated(masks=make(masks())), (60, 80)).instances
    assert (found.masks == masks().astype(bool)).all()
    assert found.labels.tolist() == [0, 1]


def test_targets_of_the_finest_stride_stand_for_masks_that_were_left_out():
    targets = torch.zeros(2, 16, 24, dtype=torch.uint8)  # of an image that is padded to 64 x 96
    targets[0, 1:3, 2:5] = 1
    sample = annotated(mask_targets_4=targets, mask_targets_8=targets[:, ::2, ::2])
    found = packed_results(sample, (60, 80)).instances
    assert found.masks.shape == (2, 60, 80)
    rows, columns = np.nonzero(found.masks[0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (4, 11, 8, 19)
    assert not found.masks[1].any()


def test_ground_truth_of_another_size_is_left_out():
    sample = annotated(masks=BitmapMasks(masks(), 60, 80))
    sample.gt_sem_seg = PixelData(sem_seg=torch.zeros(1, 60, 80, dtype=torch.uint8))
    assert packed_results(sample, (60, 80)).semantic_map is not None
    assert packed_results(sample, (120, 160)).labels() == set()


def test_no_instances_are_no_error():
    sample = predicted(scores=(0.1, 0.1))
    del sample.pred_sem_seg
    assert (drawn(sample) == IMAGE).all()
    empty = DetDataSample()
    empty.gt_instances = InstanceData(
        masks=BitmapMasks(np.zeros((0, 60, 80), np.uint8), 60, 80), labels=torch.zeros(0, dtype=torch.int64)
    )
    assert packed_results(empty, (60, 80)).instances.masks.shape == (0, 60, 80)


@pytest.mark.parametrize('palette', ['random', 'coco', 'citys', [(1, 2, 3)], None])
def test_palettes_by_name_or_too_short_are_no_error(palette):
    tool = visualizer(palette=palette)
    tool.add_datasample('image', IMAGE, predicted())
    assert tool.get_image().shape == (60, 160, 3)


def test_boxes_alone_are_drawn_by_mmdet(tmp_path):
    sample = DetDataSample()
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor([[5.0, 5, 40, 40]]), labels=torch.tensor([0]), scores=torch.tensor([0.9])
    )
    path = tmp_path / 'folder' / 'boxes.png'
    visualizer().add_datasample('image', IMAGE, sample, out_file=str(path))
    assert (cv2.imread(str(path))[:, -80:, ::-1] != IMAGE).any()
