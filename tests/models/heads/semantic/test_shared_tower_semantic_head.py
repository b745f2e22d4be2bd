"""The semantic branch on the mask tower: against slow readings, and as a part of the detector."""

from __future__ import annotations

import copy

import pytest
import torch
from mmdet.models import SOLOHead
from mmdet.models.utils import generate_coordinate
from mmengine.config import ConfigDict
from torch.nn import functional as F

from mmdet_panseg.errors import ConfigError  # noqa: E402
from mmdet_panseg.models import SharedTowerSemanticHead  # noqa: E402
from panoptic_solo_cases import PANOPTIC, build, changed, training_batch, unlabelled_batch
from solo_v2_cases import V2

SIZES, ORIGINAL_SIZES = [(61, 90), (50, 77)], [(101, 150), (47, 73)]
SHARED = changed(PANOPTIC, semantic_head=dict(type='SharedTowerSemanticHead'))
BEFORE = dict(mask_head=dict(mask_upsample='before'), semantic_head=dict(finest_stride=4))
DYNAMIC = dict(
    mask_head=dict(type='SparseSOLOV2Head', mask_feature_head=V2['mask_feature_head']),
    semantic_head=dict(finest_stride=4, in_channels=6),
)


def slow_bilinear(image, size):
    """Resize ``(h, w)`` pixel by pixel, with pixel centres at halves and the border repeated."""
    result = torch.zeros(size, dtype=image.dtype)
    for row in range(size[0]):
        for column in range(size[1]):
            at = []
            for place, length, old in ((row, size[0], image.shape[0]), (column, size[1], image.shape[1])):
                source = min(max((place + 0.5) * old / length - 0.5, 0), old - 1)
                low = min(int(source), old - 1)
                at.append(((low, 1 - (source - low)), (min(low + 1, old - 1), source - low)))
            result[row, column] = sum(wy * wx * image[y, x] for y, wy in at[0] for x, wx in at[1])
    return result


def test_logits_are_those_of_a_slow_reading():
    """Resize and sum by hand, convolutions as sums over channels, group norm from its definition."""
    groups = 3
    head = SharedTowerSemanticHead(
        2, 3, in_channels=4, channels=6, norm_cfg=dict(type='GN', num_groups=groups)
    ).double()
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter)
    sizes = [(7, 5), (7, 5), (4, 3), (2, 1), (1, 1)]
    levels = [torch.randn(1, 4, *size, dtype=torch.float64) for size in sizes]
    total = sum(torch.stack([slow_bilinear(channel, sizes[0]) for channel in level[0]]) for level in levels)
    hidden = torch.einsum('oc,chw->ohw', head.conv.conv.weight[:, :, 0, 0], total)
    parts = hidden.reshape(groups, -1)
    parts = (parts - parts.mean(1, keepdim=True)) / (parts.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    hidden = parts.reshape(hidden.shape) * head.conv.gn.weight[:, None, None] + head.conv.gn.bias[:, None, None]
    logits = torch.einsum('oc,chw->ohw', head.conv_logits.weight[:, :, 0, 0], hidden.clamp(min=0))
    torch.testing.assert_close(head(levels)[0], logits + head.conv_logits.bias[:, None, None])


def dense_tower(head, x):
    """Mask features of all levels as mmdet computes them."""
    levels = [F.interpolate(x[0], scale_factor=0.5, mode='bilinear'), *x[1:-1]]
    levels.append(F.interpolate(x[-1], size=x[-2].shape[-2:], mode='bilinear'))
    towers = []
    for features in levels:
        features = torch.cat([features, generate_coordinate(features.shape, features.device)], dim=1)
        for conv in head.mask_convs:
            features = conv(features)
        towers.append(features)
    return towers


@pytest.mark.parametrize('counts', [[3, 5], [0, 4], [0, 0]])
def test_training_is_that_of_two_heads_with_a_tower_each(counts):
    """Losses, and gradients of all parameters, which come from both heads."""
    model = build(SHARED)
    data = model.data_preprocessor(training_batch(counts, SIZES), training=True)
    losses = model.loss(data['inputs'], data['data_samples'])
    sum(losses.values()).backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    model.zero_grad(set_to_none=True)
    x = model.extract_feat(data['inputs'])
    expected = {
        **model.mask_head.loss(x, data['data_samples']),
        **model.semantic_head.loss(dense_tower(model.mask_head, x), data['data_samples']),
    }
    sum(expected.values()).backward()
    torch.testing.assert_close(dict(losses), expected)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(gradients[name], parameter.grad, rtol=1e-3, atol=1e-4, msg=name)
    # The tower learns from stuff even where there is no object.
    assert all((gradients[name] != 0).any() for name in gradients if name.startswith('mask_head.mask_convs'))


@pytest.mark.parametrize('changes', [{}, BEFORE, DYNAMIC], ids=['after', 'before', 'dynamic'])
@pytest.mark.parametrize(('counts', 'void_only'), [([3, 5], False), ([0, 0], False), ([0, 0], True)])
def test_every_parameter_learns(changes, counts, void_only):
    model = build(changed(SHARED, **changes))
    data = model.data_preprocessor(training_batch(counts, SIZES, void_only), training=True)
    losses = model.loss(data['inputs'], data['data_samples'])
    assert losses.keys() == {'loss_mask', 'loss_cls', 'loss_semantic'} and (losses['loss_semantic'] == 0) == void_only
    sum(losses.values()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name


def predict(model):
    data = model.eval().data_preprocessor(unlabelled_batch(SIZES, ORIGINAL_SIZES))
    with torch.no_grad():
        return model.predict(data['inputs'], data['data_samples'])


@pytest.mark.parametrize('changes', [{}, BEFORE, DYNAMIC], ids=['after', 'before', 'dynamic'])
def test_instances_are_those_of_the_mask_head_alone(changes):
    model = build(changed(SHARED, **changes))
    alone = build(changed(SHARED, semantic_head=None, fusion_head=None, mask_head=changes.get('mask_head', {})))
    shared = {key: value for key, value in model.state_dict().items() if not key.startswith('semantic_head')}
    alone.load_state_dict(shared, strict=True)
    for sample, expected in zip(predict(model), predict(alone), strict=True):
        assert len(expected.pred_instances) > 3
        for key, value in expected.pred_instances.items():
            assert torch.equal(sample.pred_instances[key], value)


def test_maps_are_those_of_the_dense_tower():
    model = build(SHARED)
    samples = predict(model)
    data = model.data_preprocessor(unlabelled_batch(SIZES, ORIGINAL_SIZES))
    with torch.no_grad():
        tower = dense_tower(model.mask_head, model.extract_feat(data['inputs']))
        logits = model.semantic_head(tower)
    assert logits.shape[-2:] == (8, 12)
    for image, sample in enumerate(samples):
        full = F.interpolate(logits[image : image + 1], scale_factor=8, mode='bilinear')
        full = full[..., : SIZES[image][0], : SIZES[image][1]]
        labels = F.interpolate(full, size=ORIGINAL_SIZES[image], mode='bilinear')[0].argmax(0)
        found = sample.pred_sem_seg.sem_seg[0]
        assert (found != labels).float().mean() < 1e-3 and len(found.unique()) > 1
        assert sample.pred_panoptic_seg.segments_info


def test_the_tower_runs_once_for_each_level(monkeypatch):
    model = build(SHARED)
    calls = []
    tower = model.mask_head.mask_features
    monkeypatch.setattr(model.mask_head, 'mask_features', lambda features: calls.append(0) or tower(features))
    data = model.data_preprocessor(training_batch([3, 5], SIZES), training=True)
    model.loss(data['inputs'], data['data_samples'])
    assert len(calls) == 5
    predict(model)
    assert len(calls) == 10
    class_logits, semantic_logits = model(data['inputs'], mode='tensor')
    assert len(calls) == 15 and semantic_logits.shape == (2, 7, 8, 12) and len(class_logits[1]) == 5


def test_mask_features_of_dynamic_kernels_are_shared(monkeypatch):
    """The branch runs once, and the semantic head reads what it gives."""
    model = build(changed(SHARED, **DYNAMIC))
    calls, branch = [], model.mask_head.mask_features
    monkeypatch.setattr(model.mask_head, 'mask_features', lambda x: calls.append(0) or branch(x))
    data = model.data_preprocessor(training_batch([3, 5], SIZES), training=True)
    model.loss(data['inputs'], data['data_samples'])
    predict(model)
    (_, _, features), semantic_logits = model(data['inputs'], mode='tensor')
    assert len(calls) == 3
    torch.testing.assert_close(semantic_logits, model.semantic_head([features]))
    torch.testing.assert_close(features, branch(model.extract_feat(data['inputs'])))


def test_merged_things_dice_and_finer_targets():
    settings = dict(merge_things=True, loss_stride=4, loss_dice=dict(type='SmoothDiceLoss', activate=False))
    model = build(changed(SHARED, semantic_head=settings))
    data = model.data_preprocessor(training_batch([3, 5], SIZES), training=True)
    losses = model.loss(data['inputs'], data['data_samples'])
    assert losses['loss_semantic_dice'] > 0 and torch.isfinite(losses['loss_semantic'])


def test_mixed_precision_on_the_cpu():
    model = build(SHARED)
    data = model.data_preprocessor(training_batch([3, 0], SIZES), training=True)
    expected = model.loss(data['inputs'], data['data_samples'])
    with torch.autocast('cpu', torch.bfloat16):
        losses = model.loss(data['inputs'], data['data_samples'])
        samples = predict(model)
    for name, loss in losses.items():
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, expected[name], rtol=0.05, atol=0.02)
    assert all(sample.pred_panoptic_seg.segments_info for sample in samples)


def test_initial_logits_are_near_zero():
    head = SharedTowerSemanticHead(2, 3, in_channels=8, channels=48)
    head.init_weights()
    assert head.conv.gn.num_groups == 16
    assert head.conv_logits.weight.std() < 0.02 and (head.conv_logits.bias == 0).all()


def other_head(kind, **settings):
    """The detector with another mask head; it needs the same arguments otherwise."""
    config = copy.deepcopy(SHARED)
    config.mask_head = ConfigDict({**config.mask_head, **settings, 'type': kind})
    return config


WITHOUT_A_TOWER_TO_SHARE = {
    'SOLOHead': other_head(SOLOHead),
    'SparseDecoupledSOLOHead': other_head('SparseDecoupledSOLOHead'),
    'SparseDecoupledSOLOLightHead': other_head('SparseDecoupledSOLOLightHead'),
    'None': changed(SHARED, mask_head=None, fusion_head=None),
}


@pytest.mark.parametrize(('name', 'config'), WITHOUT_A_TOWER_TO_SHARE.items(), ids=WITHOUT_A_TOWER_TO_SHARE)
def test_other_mask_heads_are_refused(name, config):
    with pytest.raises(ConfigError, match=f'shares the mask tower of .* model.mask_head is {name}: take'):
        build(config)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(semantic_head=dict(in_channels=16)), 'in_channels = 16, but the mask tower .* gives 8'),
        (dict(semantic_head=dict(finest_stride=4)), 'finest_stride = 4, but the mask tower .* gives 8'),
        (dict(mask_head=BEFORE['mask_head']), 'finest_stride = 8, but the mask tower .* gives 4'),
    ],
)
def test_what_does_not_fit_is_named(changes, message):
    with pytest.raises(ConfigError, match=message):
        build(changed(SHARED, **changes))
