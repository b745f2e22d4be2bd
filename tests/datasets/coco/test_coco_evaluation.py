"""The ground truth itself, given to the metric as predictions, must score 1."""

from __future__ import annotations

import json

import pytest
import torch
from mmdet.datasets.transforms import LoadAnnotations, PackDetInputs
from mmengine.structures import InstanceData

from mmdet_panseg.datasets import (
    CheckedCocoDataset,
    CheckedCocoPanopticDataset,
    FixClassGT,
    LoadCheckedImage,
    LoadPanopticSegments,
    PackPanopticInputs,
)
from mmdet_panseg.datasets.scenes import make_scenes
from mmdet_panseg.evaluation import CheckedCocoMetric

PIPELINE = (
    LoadCheckedImage(),
    LoadAnnotations(with_bbox=True, with_mask=True),
    PackDetInputs(meta_keys=('img_id', 'ori_shape')),
)


def as_prediction(sample, relabel=lambda labels: labels):
    """The sample with its ground truth as predictions."""
    truth = sample.gt_instances
    sample.pred_instances = InstanceData(
        bboxes=truth.bboxes.tensor,
        labels=relabel(truth.labels),
        scores=torch.ones(len(truth)),
        masks=truth.masks.to_tensor(torch.bool, 'cpu'),
    )
    return sample


def score_of_ground_truth(arguments: dict, relabel=lambda labels: labels) -> dict:
    """Evaluates the loaded objects as predictions against the annotations."""
    dataset = CheckedCocoDataset(test_mode=True, pipeline=list(PIPELINE), **arguments)
    metric = CheckedCocoMetric(metric=['bbox', 'segm'])
    metric.dataset_meta = dataset.metainfo
    metric.use_dataset(dataset)
    for index in range(len(dataset)):
        sample = as_prediction(dataset[index]['data_samples'], relabel)
        metric.process({}, [sample.to_dict()])
    return metric.evaluate(len(dataset))


def test_small_set(coco_folder):
    arguments = coco_folder.arguments()
    scores = score_of_ground_truth(arguments)
    assert scores['coco/bbox_mAP'] == scores['coco/segm_mAP'] == 1.0


def test_wrong_labels_do_not_score(coco_folder):
    scores = score_of_ground_truth(coco_folder.arguments(), lambda labels: 0 * labels)
    assert scores['coco/bbox_mAP'] < 0.6 and scores['coco/segm_mAP'] < 0.6


def test_chosen_class(coco_folder):
    arguments = coco_folder.arguments(metainfo={'classes': ('pear tree',)})
    scores = score_of_ground_truth(arguments)
    assert scores['coco/bbox_mAP'] == scores['coco/segm_mAP'] == 1.0


@pytest.mark.parametrize('pack', ['coco_mini', 'nuclei_mini'])
def test_real_photographs(real_data, tmp_path, pack):
    root = real_data(pack)
    content = json.loads((root / 'annotations' / 'instances_val.json').read_text())
    content['images'] = content['images'][:6]
    ids = {image['id'] for image in content['images']}
    content['annotations'] = [a for a in content['annotations'] if a['image_id'] in ids]
    ann_file = tmp_path / 'few.json'
    ann_file.write_text(json.dumps(content))
    arguments = {'data_root': str(root), 'ann_file': str(ann_file), 'data_prefix': {'img': 'images/val/'}}
    scores = score_of_ground_truth(arguments)
    assert scores['coco/bbox_mAP'] == scores['coco/segm_mAP'] == 1.0


@pytest.mark.parametrize('stuff_first', [False, True])
def test_panoptic_labels_are_those_of_the_metric(tmp_path, stuff_first):
    """Instances of the panoptic file, labelled things first, against the instances JSON."""
    root = tmp_path / 'scenes'
    make_scenes(root, num_train=1, num_val=4, size=(160, 128), progress=False)
    ann_file = root / 'annotations' / 'panoptic_val.json'
    if stuff_first:
        content = json.loads(ann_file.read_text())
        content['categories'].sort(key=lambda category: category['isthing'])
        ann_file.write_text(json.dumps(content))
    dataset = CheckedCocoPanopticDataset(
        data_root=str(root),
        ann_file='annotations/panoptic_val.json',
        data_prefix={'img': 'images/val/', 'seg': 'annotations/panoptic_val/'},
        pipeline=[LoadCheckedImage(), LoadPanopticSegments(), FixClassGT(), PackPanopticInputs(keep_masks=True)],
        test_mode=True,
    )
    metric = CheckedCocoMetric(ann_file=str(root / 'annotations' / 'instances_val.json'), metric=['bbox', 'segm'])
    metric.dataset_meta = dataset.metainfo
    metric.use_dataset(dataset)
    for item in dataset:
        metric.process({}, [as_prediction(item['data_samples']).to_dict()])
    scores = metric.evaluate(len(dataset))
    assert scores['coco/bbox_mAP'] == scores['coco/segm_mAP'] == 1.0
