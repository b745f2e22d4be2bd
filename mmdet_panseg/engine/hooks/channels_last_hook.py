"""Keeps the model in the channels-last memory format."""

from __future__ import annotations

import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Stores convolution weights channels-last, before training and before testing.

    Convolutions with such weights give channels-last feature maps whatever the format of their input, so the
    images need no conversion. Results differ from the default format by rounding only; many CPUs and GPUs
    with tensor cores are faster with it.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Convert the model; weights that are loaded later are copied into the converted ones.

        Args:
            runner: The runner, whose model may be wrapped for data parallelism.
        """
        if is_model_wrapper(runner.model):
            # the wrapper has laid out its gradient buffers for the old format
            model = runner.model.module.to(memory_format=torch.channels_last)
            runner.model = runner.wrap_model(runner.cfg.get('model_wrapper_cfg'), model)
        else:
            runner.model.to(memory_format=torch.channels_last)
