"""Views of an image, merged: what must come out is known where the views are copies or mirror images."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmcv import _ext as mmcv_ops
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.utils import register_all_modules
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import nn

from mmdet_panseg.errors import ConfigError
from mmdet_panseg.models import PanopticTTAModel
from panoptic_solo_cases import PANOPTIC, SOLO, STUFF, THINGS, build, changed

SIZE, ORIGINAL_SIZE = (61, 90), (101, 150)
WITHOUT_THINGS = dict(semantic_head=dict(num_things=0), fusion_head=dict(num_things=0))
MODELS_OF_OURS = {
    'instances': SOLO,
    'panoptic': PANOPTIC,
    'logits are resized': changed(PANOPTIC, test_cfg=dict(resize='logits')),
    'semantic share': changed(PANOPTIC, fusion_head=dict(semantic_share=0.3, min_vote=0.2)),
    'islands': changed(PANOPTIC, mask_head=dict(num_classes=THINGS + STUFF)),
    'merged things': changed(PANOPTIC, semantic_head=dict(merge_things=True)),
    'no semantic head': changed(PANOPTIC, semantic_head=None, fusion_head=None),
    'semantic alone': changed(PANOPTIC, mask_head=None, fusion_head=None),
    'stuff alone': changed(PANOPTIC, mask_head=None, **WITHOUT_THINGS),
    'head of mmdet': changed(PANOPTIC, mask_head=dict(type='SOLOHead')),
}


def random_image(seed=0, size=SIZE):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (3, *size), np.uint8))


def view(image, flip=None, img_id=0):
    """What a pipeline gives for a view whose content is ``image``, which it says it has mirrored."""
    size = tuple(image.shape[1:])
    meta = dict(img_id=img_id, img_shape=size, ori_shape=ORIGINAL_SIZE, flip=flip is not None, flip_direction=flip)
    scale_factor = tuple(float(side) / full for side, full in zip(size[::-1], ORIGINAL_SIZE[::-1], strict=True))
    return image, DetDataSample(metainfo=dict(meta, scale_factor=scale_factor))


def merged(model, *images, **settings):
    """Test images of which each is a list of views."""
    model = PanopticTTAModel(module=model, **settings).eval()
    by_view = list(zip(*images, strict=True))
    inputs, samples = ([[pair[part] for pair in views] for views in by_view] for part in (0, 1))
    return model.test_step(dict(inputs=inputs, data_samples=copy.deepcopy(samples)))


def plain(model, image):
    inputs, sample = view(image)
    return model.eval().test_step(dict(inputs=[inputs], data_samples=[sample]))[0]


def assert_same(sample, expected, flip=None, tolerance=0.0):
    """Results are equal, after mirroring the expected ones; masks up to a share of pixels."""
    axes = {None: (), 'horizontal': (-1,), 'vertical': (-2,), 'diagonal': (-2, -1)}[flip]
    keys = {key for key in expected.keys() if key.startswith('pred')}  # noqa: SIM118
    assert keys and {key for key in sample.keys() if key.startswith('pred')} == keys  # noqa: SIM118
    if 'pred_instances' in keys:
        found, wanted = sample.pred_instances, expected.pred_instances
        assert len(wanted) > 3 and set(found.keys()) == set(wanted.keys())
        torch.testing.assert_close(found.scores, wanted.scores)
        assert torch.equal(found.labels, wanted.labels)
        assert (found.masks != wanted.masks.flip(axes)).float().mean() <= tolerance
    for key in keys - {'pred_instances'}:
        assert (sample.get(key).sem_seg != expected.get(key).sem_seg.flip(axes)).float().mean() <= tolerance


@pytest.mark.parametrize('name', MODELS_OF_OURS)
def test_one_view_and_copies_of_it_give_what_the_model_predicts(name):
    torch.manual_seed(0)
    model, image = build(MODELS_OF_OURS[name]), random_image()
    expected = plain(model, image)
    (sample,) = merged(model, [view(image)])
    assert_same(sample, expected)
    if name != 'logits are resized':  # means of three equal numbers are rounded
        (sample,) = merged(model, [view(image)] * 2, iou_threshold=0.999)
        assert_same(sample, expected, tolerance=1e-4)


@pytest.mark.parametrize('name', ['instances', 'panoptic', 'semantic alone', 'head of mmdet'])
@pytest.mark.parametrize('flip', ['horizontal', 'vertical', 'diagonal'])
def test_results_of_mirrored_views_are_mirrored_back(name, flip):
    torch.manual_seed(0)
    model, image = build(MODELS_OF_OURS[name]), random_image()
    (sample,) = merged(model, [view(image, flip)])
    assert_same(sample, plain(model, image), flip, tolerance=1e-4)


def test_an_image_and_its_mirror_image_get_mirrored_results():
    """Whatever the network thinks of them: both have the same two views, in other roles."""
    torch.manual_seed(0)
    model, image = build(PANOPTIC), random_image(size=(60, 92))  # whole cells, so that these are mirrored as well
    mirrored = image.flip(-1)
    (sample,) = merged(model, [view(image), view(mirrored, 'horizontal')])
    (other,) = merged(model, [view(mirrored), view(image, 'horizontal')])
    assert_same(sample, other, 'horizontal', tolerance=0.01)


def test_an_object_that_views_lack_has_less_of_its_score():
    torch.manual_seed(0)
    model, image = build(SOLO), random_image()
    blank = torch.full_like(image, 127)
    model.mask_head.test_cfg['score_thr'] = 0.5
    expected = plain(model, image).pred_instances
    others = plain(model, blank).pred_instances
    views, settings = [view(image), view(blank), view(blank)], dict(iou_threshold=1.1, max_per_img=1000)
    (sample,) = merged(model, views, absence_power=1.0, **settings)
    scores = torch.cat([expected.scores, others.scores, others.scores]) / 3
    torch.testing.assert_close(sample.pred_instances.scores, scores.sort(descending=True).values)
    (sample,) = merged(model, views, **settings)
    torch.testing.assert_close(sample.pred_instances.scores, 3**0.75 * scores.sort(descending=True).values)


def test_views_of_other_sizes_in_a_batch():
    torch.manual_seed(0)
    model = build(PANOPTIC)
    images = [
        [
            view(random_image(index, size), flip, index)
            for size, flip in [((50, 74), None), (SIZE, None), (SIZE, 'horizontal')]
        ]
        for index in range(2)
    ]
    samples = merged(model, *images, max_per_img=7)
    alone = [merged(model, views, max_per_img=7)[0] for views in images]
    for index, (sample, other) in enumerate(zip(samples, alone, strict=True)):
        assert sample.img_id == index and not sample.flip and sample.img_shape == (50, 74)
        found = sample.pred_instances
        assert len(found) == 7 and found.masks.shape[1:] == ORIGINAL_SIZE and found.bboxes.shape == (7, 4)
        assert (found.scores.diff() <= 0).all()
        values = sample.pred_panoptic_seg.sem_seg
        assert values.shape == sample.pred_sem_seg.sem_seg.shape == (1, *ORIGINAL_SIZE)
        assert {info['id'] for info in sample.pred_panoptic_seg.segments_info} <= set(values.unique().tolist())
        assert_same(sample, other, tolerance=0.01)


def test_without_instances():
    model = build(changed(PANOPTIC, test_cfg=dict(score_thr=0.9999)))
    (sample,) = merged(model, [view(random_image()), view(random_image(), 'horizontal')])
    assert len(sample.pred_instances) == 0 and sample.pred_instances.masks.shape == (0, *ORIGINAL_SIZE)
    assert not any(info['isthing'] for info in sample.pred_panoptic_seg.segments_info)


def test_the_limit_is_that_of_the_model():
    torch.manual_seed(0)
    model = build(changed(SOLO, test_cfg=dict(max_per_img=5)))
    (sample,) = merged(model, [view(random_image()), view(random_image(1), 'horizontal')])
    assert len(sample.pred_instances) == 5


MASK_RCNN = ConfigDict(
    type='MaskRCNN',
    data_preprocessor=SOLO.data_preprocessor,
    backbone=SOLO.backbone,
    neck=SOLO.neck,
    rpn_head=dict(
        type='RPNHead',
        in_channels=8,
        feat_channels=8,
        anchor_generator=dict(type='AnchorGenerator', scales=[8], ratios=[1.0], strides=[4, 8, 16, 32, 64]),
    ),
    roi_head=dict(
        type='StandardRoIHead',
        bbox_roi_extractor=dict(
            type='SingleRoIExtractor',
            roi_layer=dict(type='RoIAlign', output_size=7),
            out_channels=8,
            featmap_strides=[4, 8, 16, 32],
        ),
        bbox_head=dict(
            type='Shared2FCBBoxHead', in_channels=8, fc_out_channels=8, num_classes=3, reg_class_agnostic=False
        ),
        mask_roi_extractor=dict(
            type='SingleRoIExtractor',
            roi_layer=dict(type='RoIAlign', output_size=14),
            out_channels=8,
            featmap_strides=[4, 8, 16, 32],
        ),
        mask_head=dict(type='FCNMaskHead', num_convs=1, in_channels=8, conv_out_channels=8, num_classes=3),
    ),
    train_cfg=None,
    test_cfg=dict(
        rpn=dict(nms_pre=100, max_per_img=50, nms=dict(type='nms', iou_threshold=0.7), min_bbox_size=0),
        rcnn=dict(score_thr=0.05, nms=dict(type='nms', iou_threshold=0.5), max_per_img=20, mask_thr_binary=0.5),
    ),
)


def mask_rcnn():
    register_all_modules()
    torch.manual_seed(0)
    model = MODELS.build(copy.deepcopy(MASK_RCNN))
    for parameter in model.roi_head.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.mark.skipif(getattr(mmcv_ops, 'IS_STAND_IN', False), reason='mmcv was installed without compiled ops')
@pytest.mark.parametrize('flip', [None, 'horizontal'])
def test_mask_rcnn_of_mmdet(flip):
    model, image = mask_rcnn(), random_image()
    expected = plain(model, image).pred_instances
    (sample,) = merged(model, [view(image, flip)] * 2, iou_threshold=0.999)
    found = sample.pred_instances
    assert len(expected) > 3 and expected.masks.any()
    torch.testing.assert_close(found.scores, expected.scores)
    assert torch.equal(found.labels, expected.labels)
    boxes = expected.bboxes if flip is None else expected.bboxes[:, [2, 1, 0, 3]]
    if flip:
        boxes[:, 0::2] = ORIGINAL_SIZE[1] - boxes[:, 0::2]
    torch.testing.assert_close(found.bboxes, boxes)
    masks = expected.masks if flip is None else expected.masks.flip(-1)
    assert found.masks.dtype == torch.bool and (found.masks != masks).float().mean() < 0.005
    assert model.roi_head.test_cfg.mask_thr_binary == 0.5


class FinishedMasks(nn.Module):
    """Stands for a two-stage model: the soft mask and the box of one object, for each view in turn."""

    def __init__(self, masks, boxes, threshold):
        super().__init__()
        self.found = iter(zip(masks, boxes, strict=True))
        self.roi_head = SimpleNamespace(test_cfg=ConfigDict(mask_thr_binary=threshold))
        self.data_preprocessor = MODELS.build(SOLO.data_preprocessor)
        self.test_step = None

    def predict(self, inputs, samples):
        mask, box = next(self.found)
        threshold = self.roi_head.test_cfg.mask_thr_binary
        masks = (255 * mask[None]).byte() if threshold < 0 else mask[None] >= threshold
        label = torch.zeros(1, dtype=torch.long)
        samples[0].pred_instances = InstanceData(
            masks=masks, bboxes=torch.tensor([box]), scores=torch.tensor([0.8]), labels=label
        )
        return samples


@pytest.mark.parametrize('threshold', [0.5, 0.7])
def test_masks_and_boxes_of_two_stage_models_are_averaged(threshold):
    torch.manual_seed(0)
    masks = torch.rand(2, *ORIGINAL_SIZE) ** 0.2
    model = FinishedMasks(masks, [[10.0, 20, 30, 40], [100.0, 20, 130, 50]], threshold)
    image = random_image()
    (sample,) = merged(model, [view(image), view(image, 'horizontal')])
    (found,) = sample.pred_instances
    assert found.scores.item() == pytest.approx(0.8) and found.labels.item() == 0
    assert found.bboxes.tolist() == [[15, 20, 40, 45]]  # the second one is at 20 to 50 in the image
    expected = (masks[0] + masks[1].flip(-1)) / 2 > threshold
    assert (found.masks[0] != expected).float().mean() < 0.01
    assert model.roi_head.test_cfg.mask_thr_binary == threshold


def test_models_without_masks_are_named():
    model = FinishedMasks([], [], 0.5)
    model.predict = lambda inputs, samples: [setattr(s, 'pred_instances', InstanceData()) or s for s in samples]
    with pytest.raises(ConfigError, match='--tta: FinishedMasks predicts no instances with masks'):
        merged(model, [view(random_image())])
