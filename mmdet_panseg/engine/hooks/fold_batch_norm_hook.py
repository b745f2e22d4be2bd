"""Batch norm folded into the convolutions before it."""

from __future__ import annotations

import copy
import logging

import torch
from mmcv.cnn import fuse_conv_bn
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

_PARTS = ('backbone', 'neck')
_TOLERANCE = 1e-3


@HOOKS.register_module()
class FoldBatchNormHook(Hook):
    """Fold the batch norm of backbone and neck into their convolutions before a test."""

    def before_test(self, runner: Runner) -> None:
        """Fold, once the weights are loaded.

        Args:
            runner: The runner, whose model may be wrapped.
        """
        fold_batch_norm(runner.model)


@torch.no_grad()
def fold_batch_norm(model: nn.Module) -> None:
    """Fold the batch norm of a detector's backbone and neck into the convolutions before it.

    In testing batch norm is one factor and one summand for each channel, which the convolution's weights can hold.
    Which convolution is before it is told by the order of the modules; features of an image of noise, before and
    after, prove that for the model at hand.

    Args:
        model: Detector, perhaps wrapped, in evaluation mode from now on; changed in place. Without ``extract_feat``, or
            if the proof fails, it stays as it is.
    """
    while isinstance(getattr(model, 'module', None), nn.Module):
        model = model.module
    parts = {name: getattr(model, name) for name in _PARTS if isinstance(getattr(model, name, None), nn.Module)}
    if not hasattr(model, 'extract_feat') or not any(map(_has_batch_norm, parts.values())):
        return
    model.eval()
    noise = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)).to(next(model.parameters()).device)
    before = model.extract_feat(noise)
    for name, part in parts.items():
        setattr(model, name, fuse_conv_bn(copy.deepcopy(part)))
    after = model.extract_feat(noise)
    if not all(_are_close(*pair) for pair in zip(before, after, strict=True)):
        for name, part in parts.items():
            setattr(model, name, part)
        print_log(
            'Batch norm is not folded into the convolutions: the features would be others.', 'current', logging.WARNING
        )


def _has_batch_norm(module: nn.Module) -> bool:
    return any(isinstance(part, _BatchNorm) for part in module.modules())


def _are_close(one: torch.Tensor, other: torch.Tensor) -> bool:
    return bool((one - other).abs().max() <= _TOLERANCE * one.abs().max().clamp(min=1))
