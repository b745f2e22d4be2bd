"""The sparse head with dynamic kernels against mmdet's own."""

from __future__ import annotations

import copy

import mmcv.ops
import pytest
import torch
from mmdet.models import SOLOV2Head
from mmdet.registry import MODELS
from mmengine.config import ConfigDict
from torch.nn import functional as F

from head_checks import EXACTLY, TOLERANCE, assert_empty_before_training, assert_same_predictions, losses_with_gradients
from mmdet_panseg.models import SparseSOLOV2Head  # noqa: E402
from solo_cases import STOCK, pyramid, random_samples
from solo_v2_cases import V2, assert_same_training, disc_sample, ours, pair_of_heads

# mmdet divides the class loss by a Python number; a tensor rounds what the loss adds to it.
ROUNDED_DIVISOR = dict(rtol=1e-7, atol=1e-7)
# Sizes of the image and of the input it is padded to: mmdet's mask feature branch needs multiples of 32.
SIZES = {
    'square': ((128, 128), (128, 128)),
    'wide': ((90, 187), (96, 192)),
    'tall': ((150, 65), (160, 96)),
    'tiny': ((20, 31), (32, 32)),
    'odd': ((97, 137), (128, 160)),
}


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize(
    ('dtype', 'counts'),
    [(torch.float32, [5, 0, 9]), *((torch.float64, counts) for counts in ([12], [0], [1], [5, 0, 9], [0, 0, 0]))],
)
def test_losses_and_gradients_equal_those_of_mmdet(dtype, size, counts):
    image_size, padded_size = SIZES[size]
    dense, sparse = pair_of_heads(dtype)
    features = pyramid(len(counts), *padded_size, dtype=dtype)
    samples = random_samples(7, counts, image_size, padded_size)
    expected = losses_with_gradients(dense, features, samples)
    assert (expected[0]['loss_mask'] > 0) == any(counts), 'the case must have positive cells to tell anything'
    assert_same_training(losses_with_gradients(sparse, features, samples), expected, **TOLERANCE[dtype])


@pytest.mark.parametrize(
    'centers', [[(40, 60), (40, 60)], [(40, 60), (44, 64), (50, 90)]], ids=['concentric', 'overlapping']
)
def test_colliding_objects_with_and_without_the_arithmetic_of_mmdet(centers):
    dense, sparse = pair_of_heads(torch.float64)
    samples = [disc_sample(centers, [0, 1, 2][: len(centers)])]
    features = pyramid(1, 96, 128, dtype=torch.float64)
    expected = losses_with_gradients(dense, features, samples)
    assert_same_training(losses_with_gradients(sparse, features, samples), expected, **EXACTLY)
    default = SparseSOLOV2Head(**copy.deepcopy(V2)).double()
    default.load_state_dict(dense.state_dict())
    losses, _ = losses_with_gradients(default, features, samples)
    assert losses['loss_mask'] < expected[0]['loss_mask'] - 0.05
    torch.testing.assert_close(losses['loss_cls'], expected[0]['loss_cls'], **ROUNDED_DIVISOR)


def test_without_collisions_the_default_equals_mmdet():
    dense, sparse = pair_of_heads(torch.float64, mmdet_arithmetic=False)
    samples = [disc_sample([(24, 24), (70, 100)], [0, 3]), disc_sample([(60, 60)], [1])]
    features = pyramid(2, 96, 128, dtype=torch.float64)
    expected = losses_with_gradients(dense, features, samples)
    assert_same_training(losses_with_gradients(sparse, features, samples), expected, **ROUNDED_DIVISOR)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ('size', 'batch', 'test_cfg'),
    [
        *((size, 1, dict()) for size in SIZES),
        ('odd', 3, dict()),
        ('tall', 1, dict(kernel='linear')),
        ('wide', 2, dict(nms_pre=40, max_per_img=7)),
    ],
)
def test_predictions_equal_those_of_mmdet(dtype, size, batch, test_cfg):
    image_size, padded_size = SIZES[size]
    test_cfg = ConfigDict({**STOCK['test_cfg'], **test_cfg})
    dense, sparse = pair_of_heads(dtype, mmdet_arithmetic=False, test_cfg=test_cfg)
    features = pyramid(batch, *padded_size, dtype=dtype)
    samples = random_samples(3, [2] * batch, image_size, padded_size)
    assert_same_predictions(sparse, dense, features, samples, enough=all)


@pytest.mark.parametrize('cls_down_index', [0, 1])
def test_forward_gives_what_mmdet_gives(cls_down_index):
    """The argument of SOLO means nothing to mmdet's SOLOv2."""
    dense, sparse = pair_of_heads(torch.float64, cls_down_index=cls_down_index)
    features = tuple(pyramid(2, 96, 160, dtype=torch.float64))
    torch.testing.assert_close(sparse(features), dense(features), **EXACTLY)


def test_there_are_no_candidates_after_init_weights():
    head = SparseSOLOV2Head(**copy.deepcopy(V2))
    assert_empty_before_training(head, pyramid(2, 64, 96), random_samples(0, [0, 0], (60, 90), (64, 96)))


@pytest.mark.parametrize('image_size', [(90, 187), (95, 191)])
def test_results_without_rescale_have_the_size_of_the_input_and_boxes(image_size):
    head = ours().eval()
    (result,) = head.predict(pyramid(1, 96, 192), random_samples(0, [0], image_size, (96, 192)), rescale=False)
    assert len(result.masks) and result.masks.shape[1:] == image_size
    for mask, box in zip(result.masks, result.bboxes, strict=True):
        rows, columns = mask.nonzero(as_tuple=True)
        assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_batch_norm_sees_the_whole_batch():
    """Images without objects are part of the statistics, as in mmdet."""
    norm_cfg = dict(type='BN', requires_grad=True)
    branch = ConfigDict(V2['mask_feature_head'], norm_cfg=norm_cfg)
    dense, sparse = pair_of_heads(torch.float64, norm_cfg=norm_cfg, mask_feature_head=branch)
    features, samples = pyramid(3, 96, 128, dtype=torch.float64), random_samples(3, [3, 0, 1], (96, 128), (96, 128))
    expected = losses_with_gradients(dense, features, samples)
    assert_same_training(losses_with_gradients(sparse, features, samples), expected, **EXACTLY)
    torch.testing.assert_close(sparse.state_dict(), dense.state_dict(), **EXACTLY)


def test_sides_that_32_does_not_divide():
    """mmdet's mask feature branch cannot add up levels whose sides were rounded; ours cuts them."""
    head = ours(torch.float64)
    features = pyramid(1, 97, 137, dtype=torch.float64)
    samples = random_samples(7, [5], (97, 137), (97, 137))
    with pytest.raises(RuntimeError, match='must match the size'):
        SOLOV2Head(**copy.deepcopy(V2)).double()(tuple(features))
    losses, gradients = losses_with_gradients(head, features, samples)
    assert all(torch.isfinite(gradient).all() for gradient in gradients.values())
    assert losses['loss_mask'] > 0
    branch = head.mask_feature_head
    parts = [convs(features[level]) for level, convs in enumerate(branch.convs_all_levels[:3])]
    y, x = torch.meshgrid(torch.linspace(-1, 1, 4), torch.linspace(-1, 1, 5), indexing='ij')
    coordinates = torch.stack([x, y])[None].double()
    parts.append(branch.convs_all_levels[3](torch.cat([features[3], coordinates], dim=1)))
    expected = branch.conv_pred(sum(part[..., :25, :35] for part in parts))
    torch.testing.assert_close(head.mask_features(features), expected)
    head.eval()
    (result,) = head.predict(features, samples, rescale=False)
    assert len(result.masks) and result.masks.shape[1:] == (97, 137)


@pytest.mark.parametrize('everywhere', [True, False])
def test_deformable_convolutions(everywhere):
    dcn = dict(dcn_cfg=dict(type='DCNv2'), dcn_apply_to_all_conv=everywhere, feat_channels=8)
    dense, sparse = pair_of_heads(**dcn)
    assert isinstance(sparse.kernel_convs[-1].conv, mmcv.ops.ModulatedDeformConv2d)
    features, samples = pyramid(2, 96, 128), random_samples(5, [6, 3], (96, 128), (96, 128))
    expected = losses_with_gradients(dense, features, samples)
    assert_same_training(losses_with_gradients(sparse, features, samples), expected, rtol=1e-3, atol=1e-4)


def test_a_config_of_mmdet_builds_it():
    config = ConfigDict(type='SparseSOLOV2Head', **copy.deepcopy(V2))
    config.mask_feature_head.pop('norm_cfg')
    head = MODELS.build(config)
    assert isinstance(head, SOLOV2Head) and head.mask_feature_head.in_channels == 8
    assert 'in_channels' not in config.mask_feature_head


@pytest.mark.parametrize(('rescale', 'mask_thr'), [(True, 0.5), (False, 0.3)])
def test_resized_logits_decide_the_pixels_of_the_image(rescale, mask_thr):
    """Each mask is that of a cell whose logits are enlarged to the image."""
    head = ours(test_cfg=ConfigDict({**STOCK['test_cfg'], 'resize': 'logits', 'mask_thr': mask_thr})).eval()
    image_size, padded_size = (90, 150), (96, 160)
    features, (data_sample,) = pyramid(1, *padded_size), random_samples(3, [2], image_size, padded_size)
    size = data_sample.ori_shape if rescale else image_size
    (result,) = head.predict(features, [data_sample], rescale=rescale)
    kernels, _, mask_features = head(tuple(features))
    kernels = torch.cat([level[0].flatten(1).T for level in kernels])
    logits = torch.einsum('pc,chw->phw', kernels, mask_features[0])
    logits = F.interpolate(logits[None], size=padded_size, mode='bilinear')[..., : image_size[0], : image_size[1]]
    masks = F.interpolate(logits, size=size, mode='bilinear')[0].sigmoid() > mask_thr
    assert len(result.masks)
    for mask in result.masks:
        assert (masks != mask).sum(dim=(1, 2)).min() <= 2
