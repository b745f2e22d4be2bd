"""The sparse head against mmdet's own."""

from __future__ import annotations

import copy

import pytest
import torch
from mmengine.config import ConfigDict

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
from mmdet_panseg.errors import ConfigError
from mmdet_panseg.models import SparseSOLOHead  # noqa: E402
from solo_cases import SIZES, STOCK, pair_of_heads, pyramid, random_samples


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('counts', [[12], [0], [1], [5, 0, 9], [0, 0, 0]])
def test_losses_and_gradients_equal_those_of_mmdet(dtype, size, counts):
    image_size, padded_size = SIZES[size]
    dense, sparse = pair_of_heads(dtype)
    features = pyramid(len(counts), *padded_size, dtype=dtype)
    samples = random_samples(7, counts, image_size, padded_size)

    expected = losses_with_gradients(dense, features, samples)
    assert (expected[0]['loss_mask'] > 0) == any(counts), 'the case must have positive cells to tell anything'
    assert_same_training(losses_with_gradients(sparse, features, samples), expected, **TOLERANCE[dtype])


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('batch', [1, 3])
@pytest.mark.parametrize('test_cfg', [dict(), dict(kernel='linear'), dict(nms_pre=40, max_per_img=7)])
def test_predictions_equal_those_of_mmdet(dtype, size, batch, test_cfg):
    image_size, padded_size = SIZES[size]
    dense, sparse = pair_of_heads(dtype, test_cfg=ConfigDict({**STOCK['test_cfg'], **test_cfg}))
    features = pyramid(batch, *padded_size, dtype=dtype)
    samples = random_samples(3, [2] * batch, image_size, padded_size)
    assert_same_predictions(sparse, dense, features, samples)


def test_there_are_no_candidates_after_init_weights():
    head = SparseSOLOHead(**copy.deepcopy(STOCK))
    assert_empty_before_training(head, pyramid(2, 64, 96), random_samples(0, [0, 0], (60, 90), (64, 96)))


def test_results_without_rescale_have_the_size_of_the_input():
    _, head = pair_of_heads()
    head.eval()
    samples = random_samples(0, [0], (90, 187), (96, 192))
    (result,) = head.predict(pyramid(1, 96, 192), samples, rescale=False)
    assert len(result.masks) and result.masks.shape[1:] == (90, 187)


def test_boxes_enclose_the_masks():
    _, head = pair_of_heads()
    head.eval()
    samples = random_samples(0, [0], (90, 187), (96, 192))
    (result,) = head.predict(pyramid(1, 96, 192), samples, rescale=True)
    assert len(result.masks)
    for mask, box in zip(result.masks, result.bboxes, strict=True):
        if mask.any():
            rows, columns = mask.nonzero(as_tuple=True)
            expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert box.tolist() == [float(value) for value in expected]
        else:
            assert box.tolist() == [0, 0, 0, 0]


def test_chunks_of_one_mask_change_nothing():
    _, whole = pair_of_heads(torch.float64)
    chunked = SparseSOLOHead(**copy.deepcopy(STOCK), memory_budget=1e-6).double()
    chunked.load_state_dict(whole.state_dict())
    features = pyramid(2, 96, 128, dtype=torch.float64)
    samples = random_samples(5, [6, 3], (96, 128), (96, 128))
    expected = losses_with_gradients(whole, features, samples)
    assert_same_training(losses_with_gradients(chunked, features, samples), expected, **EXACTLY)
    assert_same_predictions(chunked, whole, features, samples)


def test_default_strides_train():
    """mmdet's own defaults, with which it crashes, mean the strides before the alignment."""
    head = SparseSOLOHead(**copy.deepcopy({key: value for key, value in STOCK.items() if key != 'strides'}))
    features, samples = pyramid(1, 96, 96), random_samples(1, [4], (96, 96), (96, 96))
    aligned = SparseSOLOHead(**copy.deepcopy(STOCK))
    aligned.load_state_dict(head.state_dict())
    expected = losses_with_gradients(aligned, features, samples)
    assert_same_training(losses_with_gradients(head, features, samples), expected)


def test_wrong_number_of_levels_is_named():
    _, head = pair_of_heads()
    with pytest.raises(ValueError, match='5 levels, but the neck gives 4'):
        head.loss(pyramid(1, 64, 64)[:4], random_samples(0, [1], (64, 64), (64, 64)))


def test_mixed_precision_on_the_cpu():
    _, head = pair_of_heads()
    features, samples = pyramid(2, 96, 128), random_samples(5, [6, 3], (96, 128), (96, 128))
    assert_mixed_precision_trains(head, features, samples)
    assert_mixed_precision_predicts(head, features, samples)


def test_channels_last_changes_nothing():
    _, head = pair_of_heads()
    features, samples = pyramid(2, 96, 128), random_samples(5, [6, 3], (96, 128), (96, 128))
    expected, _ = losses_with_gradients(head, features, samples)
    head.to(memory_format=torch.channels_last)
    channels_last = [feature.contiguous(memory_format=torch.channels_last) for feature in features]
    losses, _ = losses_with_gradients(head, channels_last, samples)
    torch.testing.assert_close(losses, expected, rtol=1e-4, atol=1e-5)


def test_a_thousand_objects():
    dense, sparse = pair_of_heads(torch.float64)
    features, samples = pyramid(1, 96, 128, dtype=torch.float64), random_samples(9, [1000], (96, 128), (96, 128))
    expected = losses_with_gradients(dense, features, samples)
    assert_same_training(losses_with_gradients(sparse, features, samples), expected, **EXACTLY)


def test_an_object_without_a_pixel_is_no_object():
    """A box outside the crop whose mask is empty."""
    dense, sparse = pair_of_heads(torch.float64)
    samples = random_samples(3, [3], (96, 128), (96, 128))
    samples[0].gt_instances.masks.masks[1] = 0
    features = pyramid(1, 96, 128, dtype=torch.float64)
    expected = losses_with_gradients(dense, features, samples)
    assert_same_training(losses_with_gradients(sparse, features, samples), expected, **EXACTLY)


def test_batch_norm_sees_the_whole_batch():
    """Images without objects are part of the statistics, as in mmdet."""
    dense, sparse = pair_of_heads(torch.float64, norm_cfg=dict(type='BN', requires_grad=True))
    features, samples = pyramid(3, 96, 128, dtype=torch.float64), random_samples(3, [3, 0, 1], (96, 128), (96, 128))
    expected = losses_with_gradients(dense, features, samples)
    assert_same_training(losses_with_gradients(sparse, features, samples), expected, **EXACTLY)


def test_settings_of_the_test_can_be_changed_later():
    _, head = pair_of_heads()
    head.eval()
    features, samples = pyramid(1, 96, 128), random_samples(0, [0], (96, 128), (96, 128))
    assert len(head.predict(features, samples)[0].scores) > 5
    head.test_cfg.max_per_img = 5
    assert len(head.predict(features, samples)[0].scores) == 5
    head.test_cfg.kernel = 'mexican'
    for _ in range(2):
        with pytest.raises(ConfigError, match='test_cfg.kernel'):
            head.predict(features, samples)
    head.test_cfg = None
    with pytest.raises(ValueError, match='test_cfg'):
        head.predict(features, samples)
