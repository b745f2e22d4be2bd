"""Batch norm folded into convolutions beside batch norm that is computed."""

from __future__ import annotations

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmdet_panseg.engine.hooks.fold_batch_norm_hook import FoldBatchNormHook, fold_batch_norm


class NormBeforeConvolution(nn.Module):
    """Applies its modules in another order than they are registered in."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(self.norm(x))


class Detector(nn.Module):
    """A detector as far as folding sees it."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.BatchNorm2d(4)

    def extract_feat(self, x: Tensor) -> tuple[Tensor, ...]:
        features = self.backbone(x)
        return features if isinstance(features, tuple) else (features,)


def with_random_norms(model: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for norm in model.modules():
        if isinstance(norm, _BatchNorm):
            for values in (norm.weight.data, norm.bias.data, norm.running_mean, norm.running_var):
                values.uniform_(0.5, 1.5)
    return model.eval()


def norms(model: nn.Module) -> int:
    return sum(isinstance(part, _BatchNorm) for part in model.modules())


@pytest.mark.parametrize(
    'backbone',
    [
        dict(type='ResNet', depth=18, norm_eval=True),
        dict(type='ResNet', depth=50, style='caffe'),
        dict(type='EfficientNetLite'),
        dict(type='MobileNetV2', out_indices=(1, 2, 4, 6)),
    ],
)
@torch.no_grad()
def test_features_stay(backbone: dict) -> None:
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = with_random_norms(Detector(MODELS.build(backbone)))
    image = torch.randn(1, 3, 96, 64)
    before = model.extract_feat(image)
    fold_batch_norm(model)
    assert norms(model.backbone) == 0 and norms(model.head) == 1
    for one, other in zip(before, model.extract_feat(image), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3 * float(one.abs().max()))


def test_a_model_that_would_compute_something_else_stays(log: pytest.LogCaptureFixture) -> None:
    model = with_random_norms(Detector(NormBeforeConvolution()))
    image = torch.randn(1, 3, 8, 8)
    before = model.extract_feat(image)[0]
    fold_batch_norm(model)
    assert 'not folded' in log.text
    assert norms(model.backbone) == 1
    assert torch.equal(model.extract_feat(image)[0], before)


def test_hook_folds_the_wrapped_model() -> None:
    class Wrapper(nn.Module):
        def __init__(self, module: nn.Module) -> None:
            super().__init__()
            self.module = module

    backbone = nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3))
    runner = Runner.__new__(Runner)
    runner.model = Wrapper(with_random_norms(Detector(backbone)))
    FoldBatchNormHook().before_test(runner)
    assert norms(runner.model.module.backbone) == 0
