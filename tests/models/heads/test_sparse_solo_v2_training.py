"""What the sparse head with dynamic kernels learns, against a dense reading of the paper."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from head_checks import (
    assert_mixed_precision_predicts,
    assert_mixed_precision_trains,
    assert_same_predictions,
    losses_with_gradients,
)
from mmdet_panseg.datasets.transforms import FixClassGT  # noqa: E402
from solo_cases import pyramid, random_samples
from solo_v2_cases import NORM, V2, assert_same_training, disc_sample, ours


def dense_logits(head, features):
    """Mask logits of all cells of all levels by a convolution per image, each ``(B, S², h, w)``."""
    kernels, _, mask_features = head(features)
    size = head.dynamic_conv_size
    levels = []
    for kernel in kernels:
        weights = kernel.flatten(2).transpose(1, 2).unflatten(2, (-1, size, size))
        pairs = zip(mask_features, weights, strict=True)
        levels.append(torch.stack([F.conv2d(image[None], weight, padding=size // 2)[0] for image, weight in pairs]))
    return levels


def dense_dice(head, features, samples, target_size):
    """Mean dice loss over the cells of a batch: each learns the last object whose centre region has the cell in it."""
    losses = []
    for level, logits in enumerate(dense_logits(head, features)):
        grid, (low, high) = head.num_grids[level], head.scale_ranges[level]
        for image, data_sample in enumerate(samples):
            padded = data_sample.batch_input_shape
            owner = {}
            masks, boxes = data_sample.gt_instances.masks.masks, data_sample.gt_instances.bboxes.numpy()
            for index, (mask, box) in enumerate(zip(masks, boxes, strict=True)):
                sides = box[2:] - box[:2]
                if not low <= np.sqrt(sides.prod()) <= high:
                    continue
                spans = []
                for axis, side, total in ((0, sides[1], padded[0]), (1, sides[0], padded[1])):
                    center = np.nonzero(mask)[axis].mean()
                    edges = [int((center + shift * side) / total * grid) for shift in (-0.1, 0, 0.1)]
                    first, last = max(edges[0], edges[1] - 1, 0), min(edges[2], edges[1] + 1, grid - 1)
                    spans.append(range(first, last + 1))
                owner.update({row * grid + column: index for row in spans[0] for column in spans[1]})
            for cell, index in owner.items():
                full = np.zeros([side * 4 for side in target_size], np.uint8)
                full[: masks.shape[1], : masks.shape[2]] = masks[index]
                middle = full[1::4, 1::4] + full[1::4, 2::4] + full[2::4, 1::4] + full[2::4, 2::4]
                g, p = torch.from_numpy(middle >= 2).to(logits.dtype), logits[image, cell].sigmoid()
                assert p.shape == g.shape
                losses.append(3 * (1 - 2 * (p * g).sum() / ((p * p).sum() + g.sum() + 2e-3)))
    return torch.stack(losses).mean()


@pytest.mark.parametrize('conv_size', [1, 3])
def test_a_cell_learns_the_last_object_that_claims_it(conv_size):
    head = ours(torch.float64, dynamic_conv_size=conv_size)
    features = pyramid(2, 96, 128, dtype=torch.float64)
    samples = [disc_sample([(40, 60), (44, 64), (50, 92)], [0, 1, 2]), disc_sample([(50, 30), (50, 30)], [3, 1])]
    loss = head.loss(features, copy.deepcopy(samples))['loss_mask']
    torch.testing.assert_close(loss, dense_dice(head, features, samples, (24, 32)), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('counts', [[0], [0, 0], [0, 3]])
@pytest.mark.parametrize('norm', ['GN', 'BN'])
@pytest.mark.parametrize('mmdet_arithmetic', [False, True])
def test_every_parameter_has_a_gradient(counts, norm, mmdet_arithmetic):
    norm_cfg = NORM if norm == 'GN' else dict(type='BN', requires_grad=True)
    branch = dict(V2['mask_feature_head'], norm_cfg=norm_cfg)
    head = ours(norm_cfg=norm_cfg, mask_feature_head=branch, mmdet_arithmetic=mmdet_arithmetic)
    samples = random_samples(3, counts, (90, 120), (96, 128))
    losses, gradients = losses_with_gradients(head, pyramid(len(counts), 96, 128), samples)
    assert all(torch.isfinite(loss) for loss in losses.values())
    for name, gradient in gradients.items():
        assert gradient is not None and torch.isfinite(gradient).all(), name


def test_branches_run_for_the_images_that_need_them():
    """In training for those with objects, in testing for those with candidates; mask features once for all levels."""
    head = ours()
    images = dict(kernels=[], mask_features=[])
    head.conv_kernel.register_forward_hook(lambda *call: images['kernels'].append(len(call[2])))
    head.mask_feature_head.conv_pred.register_forward_hook(lambda *call: images['mask_features'].append(len(call[2])))
    # A disc of this size is learnt on the first and on the second level.
    samples = [disc_sample([(40, 60)], [0]), *random_samples(0, [0, 0], (96, 128), (96, 128))]
    head.loss(pyramid(3, 96, 128), samples)
    assert images == dict(kernels=[1, 1], mask_features=[1])
    head.eval()
    torch.nn.init.constant_(head.conv_cls.bias, -100.0)
    head.predict(pyramid(3, 96, 128), samples)
    assert images == dict(kernels=[1, 1], mask_features=[1])


@pytest.mark.parametrize('mmdet_arithmetic', [False, True])
def test_chunks_of_one_mask_change_nothing(mmdet_arithmetic):
    whole = ours(torch.float64, mmdet_arithmetic=mmdet_arithmetic)
    chunked = ours(torch.float64, mmdet_arithmetic=mmdet_arithmetic, memory_budget=1e-6)
    chunked.load_state_dict(whole.state_dict())
    counts, cell_logits = [], chunked.cell_logits

    def counted(features, level, cells):
        counts.append(len(cells))
        return cell_logits(features, level, cells)

    chunked.cell_logits = counted
    features = pyramid(2, 96, 128, dtype=torch.float64)
    samples = random_samples(5, [6, 3], (96, 128), (96, 128))
    expected = losses_with_gradients(whole, features, samples)
    assert_same_training(losses_with_gradients(chunked, features, samples), expected, rtol=1e-9, atol=1e-12)
    assert_same_predictions(chunked, whole, features, samples, enough=all)
    assert set(counts) == {1}


@pytest.mark.parametrize(
    'variation',
    [
        dict(loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0)),
        dict(classifier=dict(type='PerLevelCellClassifier')),
        dict(negatives=dict(type='RandomNegativeCells')),
        dict(mask_supervision=dict(type='CommonStrideSupervision', stride=2)),
        dict(assigner=dict(type='MaskCellAssigner', coverage=0.4), dynamic_conv_size=3),
        dict(normalizer=dict(type='LossNormalizer', cls='positives+images', mask='image'), sync_normalizer=True),
    ],
    ids=str,
)
def test_components_of_the_family_fit(variation):
    head = ours(**variation)
    samples = random_samples(5, [6, 0], (90, 120), (96, 128))
    losses, gradients = losses_with_gradients(head, pyramid(2, 96, 128), samples)
    assert ('loss_mask_negative' in losses) == ('negatives' in variation)
    for name, gradient in gradients.items():
        assert gradient is not None and torch.isfinite(gradient).all(), name
    for result in head.eval().predict(pyramid(2, 96, 128), samples, rescale=True):
        assert len(result.scores) and result.masks.shape[1:] == (135, 180)


@pytest.mark.parametrize('image_size', [(96, 128), (90, 121)])
@pytest.mark.parametrize('mmdet_arithmetic', [False, True])
def test_targets_made_in_the_workers_give_the_same_loss(image_size, mmdet_arithmetic):
    head = ours(torch.float64, mmdet_arithmetic=mmdet_arithmetic)
    features = pyramid(1, 96, 128, dtype=torch.float64)
    samples = random_samples(11, [7], image_size, (96, 128))
    expected = losses_with_gradients(head, features, samples)
    instances = samples[0].gt_instances
    # The bare minimum of a sample that comes out of an mmdet pipeline.
    fixed = FixClassGT(strides=(4,)).transform(
        dict(
            gt_masks=instances.masks,
            gt_bboxes=instances.bboxes.numpy(),
            gt_bboxes_labels=instances.labels.numpy(),
            gt_ignore_flags=np.zeros(7, bool),
        )
    )
    made = samples[0].clone()
    made.gt_instances = type(instances)(
        bboxes=fixed['gt_bboxes'].tensor,
        labels=torch.as_tensor(fixed['gt_bboxes_labels']),
        areas=torch.as_tensor(fixed['gt_areas']),
        centers=torch.as_tensor(fixed['gt_centers']),
        mask_targets_4=fixed['gt_mask_targets'][4],
    )
    assert_same_training(losses_with_gradients(head, features, [made]), expected, rtol=1e-12, atol=1e-12)


def test_mixed_precision_on_the_cpu():
    head = ours()
    features, samples = pyramid(2, 96, 128), random_samples(5, [6, 3], (96, 128), (96, 128))
    assert_mixed_precision_trains(head, features, samples)
    assert_mixed_precision_predicts(head, features, samples)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(dynamic_conv_size=2), 'dynamic_conv_size must be odd, not 2'),
        (dict(mask_upsample='before'), 'mask_upsample'),
        (dict(mmdet_arithmetic=True, assigner=dict(type='MaskCellAssigner')), r"sets what \['assigner'\] would"),
        (dict(mask_feature_head=dict(V2['mask_feature_head'], mask_stride=8)), 'mask_stride must be 4, not 8'),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        ours(**settings)
