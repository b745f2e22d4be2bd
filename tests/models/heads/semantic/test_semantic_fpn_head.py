"""The semantic branch against mmdet's and against slow readings of its losses and maps."""

from __future__ import annotations

import copy

import pytest
import torch
from mmdet.models import PanopticFPNHead
from mmdet.structures import DetDataSample
from mmengine.structures import PixelData
from torch.nn import functional as F

from mmdet_panseg.models import SemanticFPNHead  # noqa: E402
from solo_cases import pyramid

THINGS, STUFF, VOID = 3, 4, 255
NORM = dict(type='GN', num_groups=2, requires_grad=True)
STOCK = dict(num_things=THINGS, num_stuff=STUFF, in_channels=8, channels=8, norm_cfg=NORM)
DICE = dict(type='SmoothDiceLoss', activate=False, loss_weight=2.0)


def build(dtype=torch.float32, **overrides):
    head = SemanticFPNHead(**copy.deepcopy({**STOCK, **overrides}))
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return head.to(dtype)


def samples_of(*maps):
    result = []
    for labels in maps:
        sample = DetDataSample()
        sample.gt_sem_seg = PixelData(sem_seg=labels[None])
        result.append(sample)
    return result


def random_map(height, width, block=1, seed=0):
    """Labels with void in blocks, uint8, shape ``(height, width)``."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.tensor([*range(THINGS + STUFF), VOID], dtype=torch.uint8)
    shape = -(-height // block), -(-width // block)
    labels = values[torch.randint(0, len(values), shape, generator=generator)]
    return labels.repeat_interleave(block, 0).repeat_interleave(block, 1)[:height, :width]


def losses_with_gradients(head, features, samples):
    head.zero_grad(set_to_none=True)
    losses = head.loss(features, samples)
    sum(losses.values()).backward()
    return losses, {name: parameter.grad for name, parameter in head.named_parameters()}


def slow_cross_entropy(logits, maps, loss_stride, weights=None):
    """Pixel by pixel at the stride of the comparison; ``logits`` have that stride."""
    total, count = 0.0, 0
    for image, labels in enumerate(maps):
        for row in range(logits.shape[-2]):
            for column in range(logits.shape[-1]):
                y, x = row * loss_stride + loss_stride // 2, column * loss_stride + loss_stride // 2
                if y < labels.shape[0] and x < labels.shape[1] and labels[y, x] != VOID:
                    label = int(labels[y, x])
                    loss = -logits[image, :, row, column].log_softmax(0)[label]
                    total, count = total + loss * (weights[label] if weights else 1), count + 1
    return total / count


def test_number_of_parameters():
    """The FPN of 25,588,808 parameters has 1,624,840 of them in its semantic branch of 8 classes."""
    head = SemanticFPNHead(num_things=0, num_stuff=8, in_channels=256)
    assert sum(parameter.numel() for parameter in head.parameters()) == 1_624_840


@pytest.mark.parametrize('batch', [1, 2])
@pytest.mark.parametrize('size', [(64, 96), (128, 64)])
def test_merged_things_equal_the_head_of_mmdet(batch, size):
    theirs = PanopticFPNHead(
        THINGS,
        STUFF,
        in_channels=8,
        inner_channels=8,
        norm_cfg=NORM,
        loss_seg=dict(type='CrossEntropyLoss', ignore_index=VOID, avg_non_ignore=True),
    ).double()
    ours = build(torch.float64, merge_things=True)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    features = pyramid(batch, *size, dtype=torch.float64)
    # Of a block of equal labels it does not matter which pixel is taken.
    samples = samples_of(*(random_map(*size, block=4, seed=seed) for seed in range(batch)))
    expected, expected_gradients = losses_with_gradients(theirs, features, samples)
    losses, gradients = losses_with_gradients(ours, features, samples)
    torch.testing.assert_close(losses['loss_semantic'], expected['loss_seg'], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(gradients, expected_gradients, rtol=1e-9, atol=1e-9)

    metas = [dict(img_shape=(size[0] - 5, size[1] - 2), ori_shape=(100, 77), batch_input_shape=size)] * batch
    with torch.no_grad():
        reference = theirs.predict(features, metas, rescale=True)
    for maps, logits in zip(ours.predict(features, metas, rescale=True), reference, strict=True):
        best = logits.argmax(0)
        assert torch.equal(maps.labels, torch.where(best == STUFF, VOID, best + THINGS))
        assert torch.equal(maps.stuff, logits[:STUFF].argmax(0) + THINGS)
        assert 0 < (maps.labels == VOID).sum() < maps.labels.numel()


@pytest.mark.parametrize('loss_stride', [1, 2, 4])
@pytest.mark.parametrize('weights', [None, [0.5, 1.0, 2.0, 1.0, 3.0, 0.1, 1.0]])
def test_loss_equals_a_loop_over_pixels(loss_stride, weights):
    head = build(
        torch.float64, loss_stride=loss_stride, loss_semantic=dict(type='CrossEntropyLoss', class_weight=weights)
    )
    features = pyramid(2, 32, 32, dtype=torch.float64)
    # Smaller than the padded input, by an odd number of pixels.
    maps = random_map(27, 32, seed=1), random_map(32, 21, seed=2)
    logits = head(features)
    if loss_stride < 4:
        logits = F.interpolate(logits, scale_factor=4 // loss_stride, mode='bilinear')
    expected = slow_cross_entropy(logits, maps, loss_stride, weights)
    loss = head.loss(features, samples_of(*maps))['loss_semantic']
    torch.testing.assert_close(loss, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize('present', [[0, 1, 5, VOID], [4, VOID], [2]])
def test_dice_is_that_of_the_classes_in_the_batch(present):
    head = build(torch.float64, loss_dice=DICE)
    features = pyramid(2, 32, 32, dtype=torch.float64)
    maps = [torch.tensor(present, dtype=torch.uint8)[torch.randint(0, len(present), (32, 32))] for _ in range(2)]
    targets = torch.stack([labels[2::4, 2::4] for labels in maps])
    probabilities = head(features).softmax(1) * (targets != VOID)[:, None]
    expected = []
    for label in sorted(set(present) - {VOID}):
        p, g = probabilities[:, label], (targets == label).double()
        expected.append(1 - (2 * (p * g).sum() + 1) / ((p * p).sum() + g.sum() + 1))
    loss = head.loss(features, samples_of(*maps))['loss_semantic_dice']
    # mmdet adds a float32 epsilon to the divisor.
    torch.testing.assert_close(loss, 2 * sum(expected) / len(expected), rtol=3e-7, atol=0)


@pytest.mark.parametrize('variation', [dict(), dict(loss_dice=DICE), dict(merge_things=True), dict(loss_stride=1)])
@pytest.mark.parametrize('dice', [None, dict(type='DiceLoss', activate=False)])
def test_only_void_gives_zero_and_a_gradient_for_every_parameter(variation, dice):
    head = build(**{'loss_dice': dice, **variation})
    maps = [torch.full((60, 64), VOID, dtype=torch.uint8)] * 2
    losses, gradients = losses_with_gradients(head, pyramid(2, 64, 64), samples_of(*maps))
    assert all(loss == 0 for loss in losses.values())
    assert all(gradient is not None and (gradient == 0).all() for gradient in gradients.values())


def test_void_pixels_do_not_count():
    """An image of void beside another changes nothing."""
    head, features = build(torch.float64, loss_dice=DICE), pyramid(2, 64, 64, dtype=torch.float64)
    labels, void = random_map(64, 64), torch.full((64, 64), VOID, dtype=torch.uint8)
    alone = head.loss([level[:1] for level in features], samples_of(labels))
    torch.testing.assert_close(head.loss(features, samples_of(labels, void)), alone)


@pytest.mark.parametrize('size', [(97, 137), (33, 31), (64, 96)])
@pytest.mark.parametrize('levels', [(0, 4), (1, 4), (0, 5), (2, 3)])
def test_levels_and_odd_sizes(size, levels):
    head = build(start_level=levels[0], end_level=levels[1])
    features = pyramid(2, *size)
    assert head(features).shape == (2, THINGS + STUFF, *features[levels[0]].shape[-2:])
    losses, gradients = losses_with_gradients(head, features, samples_of(random_map(*size), random_map(*size)))
    assert torch.isfinite(losses['loss_semantic'])
    assert all((gradient != 0).any() for gradient in gradients.values())
    metas = [dict(img_shape=size, ori_shape=(size[0] * 2 - 1, 50))] * 2
    for rescale, expected in ((True, metas[0]['ori_shape']), (False, size)):
        assert all(maps.labels.shape == expected for maps in head.predict(features, metas, rescale))


@pytest.mark.parametrize('counts', [(THINGS, STUFF), (0, STUFF), (THINGS, 0), (0, 1)])
@pytest.mark.parametrize('budget', [64, 0.01])
def test_maps_are_the_best_class_and_the_best_stuff(counts, budget):
    head = build(torch.float64, num_things=counts[0], num_stuff=counts[1], memory_budget=budget)
    features = pyramid(1, 64, 96, dtype=torch.float64)
    meta = dict(img_shape=(61, 90), ori_shape=(130, 75))
    (maps,) = head.predict(features, [meta], rescale=True)
    logits = F.interpolate(head(features), scale_factor=4, mode='bilinear')[..., :61, :90]
    logits = F.interpolate(logits, size=(130, 75), mode='bilinear')[0]
    assert torch.equal(maps.labels, logits.argmax(0)) and maps.labels.dtype == torch.int64
    stuff = logits[counts[0] :].argmax(0) if counts[1] else torch.zeros(130, 75, dtype=torch.long)
    assert torch.equal(maps.stuff, stuff + counts[0])


def test_mixed_precision_on_the_cpu():
    head, features, samples = build(loss_dice=DICE), pyramid(1, 64, 96), samples_of(random_map(64, 96, block=8))
    expected, _ = losses_with_gradients(head, features, samples)
    with torch.autocast('cpu', torch.bfloat16):
        losses, gradients = losses_with_gradients(head, features, samples)
        (maps,) = head.predict(features, [dict(img_shape=(64, 96), ori_shape=(64, 96))])
    for name, loss in losses.items():
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, expected[name], rtol=0.05, atol=0.01)
    assert all(torch.isfinite(gradient).all() for gradient in gradients.values())
    (reference,) = head.predict(features, [dict(img_shape=(64, 96), ori_shape=(64, 96))])
    assert (maps.labels == reference.labels).float().mean() > 0.95


def test_groups_that_do_not_divide_the_channels():
    head = SemanticFPNHead(2, 2, in_channels=8, channels=48)
    assert head.conv_upsample_layers[0].conv[0].gn.num_groups == 16
    head = SemanticFPNHead(2, 2, in_channels=8, channels=64)
    assert head.conv_upsample_layers[0].conv[0].gn.num_groups == 32


def test_initial_logits_are_near_zero():
    head = SemanticFPNHead(**copy.deepcopy(STOCK))
    head.init_weights()
    assert head.conv_logits.weight.std() < 0.02 and (head.conv_logits.bias == 0).all()


def test_state_dict_has_parameters_only():
    head = build()
    assert head.state_dict().keys() == dict(head.named_parameters()).keys()


@pytest.mark.parametrize(
    ('setting', 'message'),
    [
        (dict(num_things=200, num_stuff=56), 'num_things . num_stuff = 256.*1 to 255'),
        (dict(num_things=0, merge_things=True), 'needs things to merge'),
        (dict(loss_stride=3), 'loss_stride = 3 does not divide .* 4'),
        (dict(start_level=3, end_level=3), 'no range of levels'),
        (dict(loss_semantic=dict(type='CrossEntropyLoss', use_sigmoid=True)), 'use_sigmoid must be False'),
        (dict(loss_semantic=dict(type='CrossEntropyLoss', class_weight=[1.0])), '1 values for 7 channels'),
        (dict(loss_dice=dict(type='SmoothDiceLoss')), 'loss_dice.activate must be False'),
    ],
)
def test_settings_that_do_not_fit_are_named(setting, message):
    with pytest.raises(ValueError, match=message):
        SemanticFPNHead(**copy.deepcopy({**STOCK, **setting}))


def test_samples_that_do_not_fit_are_named():
    head, features = build(), pyramid(1, 32, 32)
    with pytest.raises(KeyError, match='gt_sem_seg.*LoadPanopticSegments'):
        head.loss(features, [DetDataSample()])
    with pytest.raises(ValueError, match='40x32 is larger than the network input, 32x32'):
        head.loss(features, samples_of(random_map(40, 32)))
    with pytest.raises(ValueError, match='uses levels up to 3, but the neck gives 3'):
        head.loss(features[:3], samples_of(random_map(32, 32)))
