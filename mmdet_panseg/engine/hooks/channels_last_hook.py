"""Keep the model in the channels-last memory format."""

from __future__ import annotations

import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor, nn


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Store convolution weights channels-last, before training and before testing.

    Convolutions with such weights give channels-last feature maps whatever the format of their input, so the
    images need no conversion. Results differ from the default format by rounding only; many CPUs and GPUs
    with tensor cores are faster with it.

    mmcv's own operations (RoIAlign, deformable convolutions) read the memory of such maps in the wrong order and
    say nothing. Their modules keep the default format and are given it.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """Convert the model, whose weights are drawn and loaded by now: they do not depend on the format.

        Args:
            runner: The runner, whose model may be wrapped for data parallelism.
        """
        if is_model_wrapper(runner.model):
            # the wrapper has laid out its gradient buffers for the old format
            model = to_channels_last(runner.model.module)
            runner.model = runner.wrap_model(runner.cfg.get('model_wrapper_cfg'), model)
        else:
            to_channels_last(runner.model)

    def before_test(self, runner: Runner) -> None:
        """Convert the model of a test."""
        self.before_train(runner)


def to_channels_last(model: nn.Module) -> nn.Module:
    """Convert a model in place, except for the modules of ``mmcv.ops``."""
    model.to(memory_format=torch.channels_last)
    for module in model.modules():
        if type(module).__module__.startswith('mmcv.ops'):
            module.to(memory_format=torch.contiguous_format)
            module.register_forward_pre_hook(_with_contiguous_inputs)
            module.register_forward_hook(_with_contiguous_gradient)
    return model


def _with_contiguous_inputs(module: nn.Module, inputs: tuple) -> tuple:
    return tuple(value.contiguous() if isinstance(value, Tensor) else value for value in inputs)


def _with_contiguous_gradient(module: nn.Module, inputs: tuple, output: Tensor) -> None:
    if isinstance(output, Tensor) and output.requires_grad:
        output.register_hook(Tensor.contiguous)
