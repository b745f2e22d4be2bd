"""Data samples for the metrics, made from the random cases of tests/ops."""

from __future__ import annotations

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import PixelData

from mmdet_panseg.ops import VOID_LABEL  # noqa: E402
from panoptic_cases import NUM_CLASSES, NUM_THINGS, random_case  # noqa: F401

CLASSES = tuple('abcde')
METAINFO = dict(classes=CLASSES, thing_classes=CLASSES[:NUM_THINGS], stuff_classes=CLASSES[NUM_THINGS:])


def pixel_data(values, **metainfo):
    return PixelData(sem_seg=torch.from_numpy(np.asarray(values).astype(np.int64))[None], metainfo=metainfo)


def sample_of(case, image=0):
    """The sample that a model returns: panoptic maps, and semantic ones that follow from them."""
    gt_map, table, pred_map = case
    sample = DetDataSample(metainfo=dict(img_id=image, img_path=f'images/{image}.jpg', ori_shape=gt_map.shape))
    sample.gt_panoptic_seg = pixel_data(gt_map, segments=table)
    sample.pred_panoptic_seg = pixel_data(pred_map)
    sample.gt_sem_seg = pixel_data(table.labels[gt_map])
    sample.pred_sem_seg = pixel_data(np.where(pred_map % 1000 < NUM_CLASSES, pred_map % 1000, 0))
    return sample


def random_samples(number, **options):
    return [sample_of(random_case(seed, **options), seed) for seed in range(number)]


def empty_sample(shape=(4, 6)):
    """Void ground truth and prediction."""
    _, table, _ = random_case(0, num_segments=0)
    return sample_of((np.full(shape, VOID_LABEL), table, np.full(shape, NUM_CLASSES)))
