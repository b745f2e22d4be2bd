"""Heads, features and objects for the tests of SOLO heads."""

from __future__ import annotations

import copy

import numpy as np
import torch
from mmdet.models import SOLOHead
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData

from mmdet_panseg.models import SparseSOLOHead

STOCK = dict(
    num_classes=4,
    in_channels=8,
    feat_channels=8,
    stacked_convs=2,
    strides=[8, 8, 16, 32, 32],
    scale_ranges=((1, 48), (24, 96), (48, 192), (96, 384), (192, 2048)),
    pos_scale=0.2,
    num_grids=[20, 18, 12, 8, 6],
    norm_cfg=dict(type='GN', num_groups=2, requires_grad=True),
    test_cfg=ConfigDict(
        nms_pre=500,
        score_thr=0.1,
        mask_thr=0.5,
        filter_thr=0.05,
        kernel='gaussian',
        sigma=2.0,
        max_per_img=100,
    ),
)
# Sizes of the image and of the input it is padded to.
SIZES = {
    'square': ((128, 128), (128, 128)),
    'wide': ((90, 187), (96, 192)),
    'tall': ((150, 65), (160, 96)),
    'tiny': ((20, 31), (32, 32)),
    'odd': ((97, 137), (97, 137)),
}


def pair_of_heads(dtype=torch.float32, class_bias=-1.0, kinds=(SOLOHead, SparseSOLOHead), **overrides):
    """mmdet's head and ours with the same random weights, and candidates in testing."""
    arguments = {**STOCK, **overrides}
    dense, sparse = (kind(**copy.deepcopy(arguments)) for kind in kinds)
    for parameter in dense.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    torch.nn.init.constant_(dense.conv_cls.bias, class_bias)
    sparse.load_state_dict(dense.state_dict(), strict=True)
    return dense.to(dtype), sparse.to(dtype)


def pyramid(batch, height, width, channels=8, dtype=torch.float32, requires_grad=False):
    """Random features at strides 4, 8, 16, 32, 64, as an FPN gives them for an input of this size."""
    features = []
    for level in range(5):
        stride = 4 * 2**level
        shape = (batch, channels, -(-height // stride), -(-width // stride))
        features.append(torch.randn(shape, dtype=dtype).requires_grad_(requires_grad))
    return features


def random_masks(rng, count, height, width):
    """Ellipses, rings and single pixels of many sizes, shape ``(count, height, width)``, uint8."""
    rows, columns = np.mgrid[:height, :width]
    masks = np.zeros((count, height, width), np.uint8)
    for index in range(count):
        radius = np.exp(rng.uniform(0, np.log(max(height, width) / 2), 2))
        center = rng.uniform(0, [height, width])
        distance = ((rows - center[0]) / radius[0]) ** 2 + ((columns - center[1]) / radius[1]) ** 2
        masks[index] = (distance <= 1) & (distance >= rng.choice([0, 0.4]))
        if not masks[index].any():
            masks[index, int(center[0]), int(center[1])] = 1
    return masks


def sample(masks, labels, image_size, padded_size, box_dtype=torch.float32):
    """A data sample with mmdet's ground truth."""
    bitmap = BitmapMasks(masks, *masks.shape[1:])
    boxes = bitmap.get_bboxes(dst_type='hbox').tensor if len(masks) else torch.zeros(0, 4)
    data_sample = DetDataSample()
    data_sample.set_metainfo(
        dict(
            img_shape=image_size,
            ori_shape=(image_size[0] * 3 // 2, image_size[1] * 3 // 2),
            batch_input_shape=padded_size,
            pad_shape=padded_size,
        )
    )
    data_sample.gt_instances = InstanceData(
        bboxes=boxes.to(box_dtype), labels=torch.as_tensor(labels, dtype=torch.long), masks=bitmap
    )
    return data_sample


def discs(centers, radius=14, size=(96, 128)):
    """Masks of discs around centres ``(row, column)``, shape ``(count, height, width)``, uint8."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.stack([(rows - y) ** 2 + (columns - x) ** 2 <= radius**2 for y, x in centers]).astype(np.uint8)


def random_samples(seed, counts, image_size, padded_size, num_classes=4, box_dtype=torch.float32):
    rng = np.random.default_rng(seed)
    samples = []
    for count in counts:
        masks = random_masks(rng, count, *image_size)
        samples.append(sample(masks, rng.integers(0, num_classes, count), image_size, padded_size, box_dtype))
    return samples
