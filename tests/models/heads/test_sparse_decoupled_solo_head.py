"""The sparse decoupled heads against mmdet's own, and against dense readings where mmdet has no such variation."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from mmdet.models import DecoupledSOLOHead, DecoupledSOLOLightHead
from mmdet.registry import MODELS
from mmengine.config import ConfigDict
from mmengine.hub import get_config
from torch.nn import functional as F

from head_checks import (
    EXACTLY,
    TOLERANCE,
    assert_empty_before_training,
    assert_mixed_precision_predicts,
    assert_mixed_precision_trains,
    assert_same_predictions,
    assert_same_training,
    losses_with_gradients,
)
from mmdet_panseg.models import SparseDecoupledSOLOHead, SparseDecoupledSOLOLightHead  # noqa: E402
from solo_cases import SIZES, STOCK, pair_of_heads, pyramid, random_samples, sample

LOSS_MASK = dict(type='DiceLoss', use_sigmoid=True, activate=False, loss_weight=3.0)
# A product of two random factors is rarely above one half.
TEST_CFG = ConfigDict({**STOCK['test_cfg'], 'mask_thr': 0.3})
KINDS = {
    'decoupled': (DecoupledSOLOHead, SparseDecoupledSOLOHead),
    'light': (DecoupledSOLOLightHead, SparseDecoupledSOLOLightHead),
}
BOTH = pytest.mark.parametrize('kind', KINDS)
VARIATIONS = {
    'cells under the mask': dict(assigner=dict(type='MaskCellAssigner', coverage=0.4)),
    'means over images': dict(normalizer=dict(type='LossNormalizer', cls='positives+images', mask='image')),
    'smooth dice': dict(loss_mask=dict(type='SmoothDiceLoss', activate=False)),
    'common stride 2': dict(mask_supervision=dict(type='CommonStrideSupervision', stride=2)),
    'negatives': dict(negatives=dict(type='RandomNegativeCells')),
    'classifier per level': dict(classifier=dict(type='PerLevelCellClassifier')),
    'softmax': dict(loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0)),
    'greedy suppression': dict(test_cfg=ConfigDict({**TEST_CFG, 'suppression': dict(type='GreedyMaskNMS')})),
    'logits resized in testing': dict(test_cfg=ConfigDict({**TEST_CFG, 'resize': 'logits'})),
}


def pair(kind, dtype=torch.float64, **overrides):
    arguments = {'loss_mask': LOSS_MASK, 'test_cfg': TEST_CFG, **overrides}
    dense, sparse = pair_of_heads(dtype, kinds=KINDS[kind], **arguments)
    with_visible_masks(dense)
    sparse.load_state_dict(dense.state_dict())
    return dense, sparse


def with_visible_masks(head):
    for conv in (*head.conv_mask_list_x, *head.conv_mask_list_y):
        torch.nn.init.normal_(conv.bias, mean=1.0)
    return head


def ours(kind, **overrides):
    head = KINDS[kind][1](**copy.deepcopy({**STOCK, 'test_cfg': TEST_CFG, **overrides}))
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return with_visible_masks(head)


@BOTH
@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('counts', [[12], [0], [1], [5, 0, 9], [0, 0, 0]])
def test_losses_and_gradients_equal_those_of_mmdet(kind, size, counts):
    image_size, padded_size = SIZES[size]
    dense, sparse = pair(kind)
    features = pyramid(len(counts), *padded_size, dtype=torch.float64)
    samples = random_samples(7, counts, image_size, padded_size)
    expected = losses_with_gradients(dense, features, samples)
    assert (expected[0]['loss_mask'] > 0) == any(counts), 'the case must have positive cells to tell anything'
    assert_same_training(losses_with_gradients(sparse, features, samples), expected, **EXACTLY)


@BOTH
@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize(('batch', 'test_cfg'), [(1, dict(kernel='linear')), (3, dict(nms_pre=40, max_per_img=7))])
def test_predictions_equal_those_of_mmdet(kind, size, batch, test_cfg):
    image_size, padded_size = SIZES[size]
    dense, sparse = pair(kind, test_cfg=ConfigDict({**TEST_CFG, **test_cfg}))
    features = pyramid(batch, *padded_size, dtype=torch.float64)
    samples = random_samples(3, [2] * batch, image_size, padded_size)
    assert_same_predictions(sparse, dense, features, samples)


@pytest.mark.parametrize('dcn', ['DCN', 'DCNv2'])
def test_deformable_convolutions(dcn):
    dense, sparse = pair('light', dcn_cfg=dict(type=dcn))
    features = pyramid(2, 96, 128, dtype=torch.float64)
    samples = random_samples(3, [4, 1], (96, 128), (96, 128))
    expected = losses_with_gradients(dense, features, samples)
    assert_same_training(losses_with_gradients(sparse, features, samples), expected, **EXACTLY)
    assert_same_predictions(sparse, dense, features, samples)


@pytest.mark.parametrize('name', ['decoupled-solo_r50_fpn_1x_coco', 'decoupled-solo-light_r50_fpn_3x_coco'])
def test_heads_of_published_configs_have_the_same_state(name):
    config = get_config(f'mmdet::solo/{name}.py').model.mask_head
    dense = MODELS.build(config)
    sparse = MODELS.build({**config, 'type': f'Sparse{config.type}'})
    shapes = [(key, value.shape) for key, value in dense.state_dict().items()]
    assert [(key, value.shape) for key, value in sparse.state_dict().items()] == shapes


@BOTH
def test_chunks_of_one_mask_change_nothing(kind):
    _, whole = pair(kind)
    chunked = ours(kind, memory_budget=1e-6).double()
    chunked.load_state_dict(whole.state_dict())
    features = pyramid(2, 96, 128, dtype=torch.float64)
    samples = random_samples(5, [6, 3], (96, 128), (96, 128))
    expected = losses_with_gradients(whole, features, samples)
    assert_same_training(losses_with_gradients(chunked, features, samples), expected, **EXACTLY)
    assert_same_predictions(chunked, whole, features, samples)


@BOTH
def test_maps_are_made_for_columns_and_rows_of_chosen_cells(kind):
    head = ours(kind)
    (features,) = head.mask_features_of(head.align(pyramid(1, 96, 128)), 2, [0]).values()
    grid = head.num_grids[2]
    masks = head.level_masks(features, 2, torch.tensor([3 * grid + 7, 3 * grid + 1, 5 * grid + 7]))
    assert masks.columns.tolist() == [1, 7] and masks.rows.tolist() == [3, 5]
    assert masks.column_logits.shape == masks.row_logits.shape == (2, 12, 16)


@BOTH
def test_batch_norm_sees_the_whole_batch(kind):
    dense, sparse = pair(kind, norm_cfg=dict(type='BN', requires_grad=True))
    features, samples = pyramid(3, 96, 128, dtype=torch.float64), random_samples(3, [3, 0, 1], (96, 128), (96, 128))
    expected = losses_with_gradients(dense, features, samples)
    assert_same_training(losses_with_gradients(sparse, features, samples), expected, **EXACTLY)
    for (name, buffer), expected in zip(sparse.named_buffers(), dense.buffers(), strict=True):
        torch.testing.assert_close(buffer, expected, msg=name)


@BOTH
def test_single_precision_and_channels_last(kind):
    dense, sparse = pair(kind, dtype=torch.float32)
    sparse.to(memory_format=torch.channels_last)
    features, samples = pyramid(2, 96, 128), random_samples(5, [6, 3], (96, 128), (96, 128))
    features = [feature.contiguous(memory_format=torch.channels_last) for feature in features]
    expected = losses_with_gradients(dense, features, samples)
    assert_same_training(losses_with_gradients(sparse, features, samples), expected, **TOLERANCE[torch.float32])


@BOTH
def test_mixed_precision_on_the_cpu(kind):
    _, head = pair(kind, dtype=torch.float32)
    features, samples = pyramid(2, 96, 128), random_samples(5, [6, 3], (96, 128), (96, 128))
    assert_mixed_precision_trains(head, features, samples)
    with torch.autocast('cpu', torch.bfloat16):
        (tower,) = head.mask_features_of(head.align(features), 2, [0]).values()
        factors = []
        masks = head.level_masks(tower, 2, torch.arange(4))
        product = masks.compute(torch.arange(4), lambda logits: factors.append(logits) or logits.sigmoid())
    assert all(tensor.dtype == torch.bfloat16 for tensor in (tower if kind == 'decoupled' else tower[:1]))
    assert all(tensor.dtype == torch.float32 for tensor in (*factors, product))
    assert_mixed_precision_predicts(head, features, samples)


@BOTH
def test_what_mmdet_gets_wrong_is_right(kind):
    """Boxes enclose the masks, and results without rescaling have the size of the input."""
    head = ours(kind).eval()
    (result,) = head.predict(pyramid(1, 96, 192), random_samples(0, [0], (90, 187), (96, 192)), rescale=False)
    assert len(result.masks) and result.masks.shape[1:] == (90, 187)
    columns, rows = result.masks[0].any(dim=0).nonzero(), result.masks[0].any(dim=1).nonzero()
    expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert result.bboxes[0].tolist() == [float(value) for value in expected]


@BOTH
def test_default_strides_train(kind):
    head = KINDS[kind][1](**copy.deepcopy({key: value for key, value in STOCK.items() if key != 'strides'}))
    aligned = ours(kind)
    aligned.load_state_dict(head.state_dict())
    features, samples = pyramid(1, 96, 96), random_samples(1, [4], (96, 96), (96, 96))
    expected = losses_with_gradients(aligned, features, samples)
    assert_same_training(losses_with_gradients(head, features, samples), expected)


@BOTH
def test_there_are_no_candidates_after_init_weights(kind):
    dense, head = (type_(**copy.deepcopy(STOCK)) for type_ in KINDS[kind])
    dense.init_weights()
    assert_empty_before_training(head, pyramid(2, 64, 96), random_samples(0, [0, 0], (60, 90), (64, 96)))
    torch.testing.assert_close(head.conv_mask_list_y[0].bias, dense.conv_mask_list_y[0].bias)


@BOTH
@pytest.mark.parametrize('variation', VARIATIONS.values(), ids=VARIATIONS)
@pytest.mark.parametrize('counts', [[4, 2], [0, 0], [0, 7]])
def test_every_variation_trains_all_parameters_and_predicts(kind, variation, counts):
    head = ours(kind, **variation)
    features, samples = pyramid(2, 96, 160), random_samples(0, counts, (90, 150), (96, 160))
    losses, gradients = losses_with_gradients(head, features, samples)
    assert all(torch.isfinite(loss) for loss in losses.values())
    assert ('loss_mask_negative' in losses) == ('negatives' in variation)
    for name, gradient in gradients.items():
        assert gradient is not None and torch.isfinite(gradient).all(), name
    head.eval()
    for result in head.predict(features, samples, rescale=True):
        assert len(result.scores) == len(result.masks) == len(result.labels) > 0
        assert (result.labels < 4).all() and (result.scores.diff() <= 0).all()


def dense_factors(head, level, features):
    """All probabilities of columns and rows of a level, each ``(S, h, w)``, as a dense head computes them."""
    towers = [F.interpolate(tower, scale_factor=2, mode='bilinear') for tower in head.mask_features(features)]
    x = head.conv_mask_list_x[level](towers[0])[0]
    return x.sigmoid(), head.conv_mask_list_y[level](towers[-1])[0].sigmoid()


@BOTH
def test_resized_supervision_multiplies_resized_factors(kind):
    head = ours(kind, mask_supervision=dict(type='CommonStrideSupervision', stride=2), num_grids=[1] * 5)
    masks = np.zeros((1, 96, 96), np.uint8)
    masks[0, 30:70, 30:70] = 1
    features = pyramid(1, 96, 96)
    loss = head.loss(features, [sample(masks, [0], (96, 96), (96, 96))])['loss_mask']
    expected = []
    for level, feature in enumerate(head.align(features).levels):
        low, high = head.scale_ranges[level]
        if low <= 40 <= high:
            x, y = (
                F.interpolate(factor[None], size=(48, 48), mode='bilinear')
                for factor in dense_factors(head, level, feature)
            )
            p, g = (x * y)[0, 0], torch.from_numpy(masks[0, ::2, ::2]).float()
            expected.append(3 * (1 - 2 * (p * g).sum() / ((p * p).sum() + (g * g).sum() + 2e-3)))
    assert len(expected) > 1
    torch.testing.assert_close(loss, torch.stack(expected).mean())


@BOTH
def test_negative_masks_are_complements_compared_with_a_full_mask(kind):
    head = ours(kind, negatives=dict(type='RandomNegativeCells'))
    # A large object in the middle leaves cell 2, in row 0 and column 2, free.
    head.cell_mask_loss.negatives.sample = lambda positives, num_cells: torch.tensor([2])
    masks = np.zeros((1, 96, 96), np.uint8)
    masks[0, 30:70, 30:70] = 1
    features = pyramid(1, 96, 96)
    loss = head.loss(features, [sample(masks, [0], (96, 96), (96, 96))])['loss_mask_negative']
    expected = []
    for level, feature in enumerate(head.align(features).levels):
        low, high = head.scale_ranges[level]
        if low <= 40 <= high:
            x, y = dense_factors(head, level, feature)
            p = 1 - x[2] * y[0]
            expected.append(3 * (1 - 2 * p.sum() / ((p * p).sum() + p.numel() + 2e-3)))
    assert len(expected) > 1
    torch.testing.assert_close(loss, torch.stack(expected).mean())


@BOTH
@pytest.mark.parametrize(
    ('setting', 'message'),
    [
        (dict(mask_upsample='before'), "mask_upsample must be 'after', not 'before'"),
        (dict(mask_supervision=dict(type='PerLevelSupervision', resize='logits')), 'mask_supervision.resize'),
        (dict(loss_mask=dict(type='DiceLoss', use_sigmoid=True, activate=True)), 'loss_mask.activate=True contradicts'),
    ],
)
def test_settings_that_need_logits_are_named(kind, setting, message):
    with pytest.raises(ValueError, match=message):
        ours(kind, **setting)
