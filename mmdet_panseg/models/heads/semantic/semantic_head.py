"""What every semantic head does with its logits: losses and label maps."""

from __future__ import annotations

import math
from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample, SampleList
from mmdet.utils import OptConfigType, OptMultiConfig
from mmengine.model import BaseModule, normal_init
from torch import Tensor
from torch.nn import functional as F

from mmdet_panseg.ops import VOID_LABEL, ViewMaps, at_least_float32, averaged_argmax, cell_positions, sampled_maps


class SemanticMaps(NamedTuple):
    """Semantic result of an image.

    Attributes:
        labels: Most probable class, int64, shape ``(H, W)``; ``VOID_LABEL`` where it is a thing of unknown class
            (``merge_things``).
        stuff: Most probable stuff class, int64 labels, shape ``(H, W)``; ``num_things + num_stuff``, which is void, if
            there is no stuff.
        logits: Of the head's channels at their stride, cropped to the image, shape ``(out_channels, h, w)``.
    """

    labels: Tensor
    stuff: Tensor
    logits: Tensor


def fitting_norm(norm_cfg: OptConfigType, channels: int) -> dict:
    """Fit a norm layer to a number of channels.

    Args:
        norm_cfg: Norm layer; default ``GN`` of 32 groups.
        channels: Channels that it normalises.

    Returns:
        The norm layer; if the channels cannot be split into so many groups, the greatest common divisor is taken.
    """
    norm_cfg = dict(norm_cfg or dict(type='GN', num_groups=32, requires_grad=True))
    if 'num_groups' in norm_cfg:
        norm_cfg['num_groups'] = math.gcd(norm_cfg['num_groups'], channels)
    return norm_cfg


class SemanticHead(BaseModule, metaclass=ABCMeta):
    """Base of heads that classify every pixel.

    The logits have a channel for each thing and then for each stuff class, or, with ``merge_things``, for each stuff
    class and then one for all things, as mmdet's ``PanopticFPNHead``. The layer that gives them is ``conv_logits``.

    Args:
        num_things: Number of thing classes T, labels ``0..T-1``.
        num_stuff: Number of stuff classes S, labels ``T..T+S-1``.
        stride: Stride of the logits in pixels of the input.
        merge_things: Whether all things share one channel.
        loss_semantic: Softmax loss with the interface of mmdet's ``CrossEntropyLoss``, which has a ``class_weight`` by
            channel; summed over the pixels that are not void and divided by their number.
        loss_dice: Loss of soft masks with ``activate=False``, such as ``SmoothDiceLoss``: the channels' softmax against
            their pixels in the batch, void left out, averaged over the channels that have pixels. Default none.
        loss_stride: Stride in pixels at which logits and labels are compared; default the stride of the logits. The
            label of a pixel of the comparison is that of the centre of its square.
        memory_budget: Memory in MiB for the channels that are enlarged at a time in testing.
        init_cfg: mmengine's configuration of initial weights.

    Raises:
        ValueError: If the number of classes, the strides or a loss do not fit.
    """

    def __init__(
        self,
        num_things: int,
        num_stuff: int,
        *,
        stride: int,
        merge_things: bool = False,
        loss_semantic: OptConfigType = None,
        loss_dice: OptConfigType = None,
        loss_stride: int | None = None,
        memory_budget: float = 64,
        init_cfg: OptMultiConfig = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        name = type(self).__name__
        if not 1 <= num_things + num_stuff <= VOID_LABEL:
            raise ValueError(
                f'{name}: num_things + num_stuff = {num_things + num_stuff}, but label maps have room for 1 to '
                f'{VOID_LABEL} classes'
            )
        if merge_things and not (num_things and num_stuff):
            raise ValueError(f'{name}: merge_things=True needs things to merge and stuff to tell them from')
        if loss_stride is not None and stride % loss_stride:
            raise ValueError(f'{name}: loss_stride = {loss_stride} does not divide the stride of the logits, {stride}')
        self.num_things = num_things
        self.num_stuff = num_stuff
        self.stride = stride
        self.merge_things = merge_things
        self.out_channels = num_stuff + 1 if merge_things else num_things + num_stuff
        self.loss_semantic = MODELS.build(loss_semantic or dict(type='CrossEntropyLoss'))
        self.loss_dice = MODELS.build(loss_dice) if loss_dice else None
        self.loss_stride = loss_stride or stride
        self.memory_budget = int(memory_budget * 2**20)
        self._check_losses()
        self.register_buffer('_channel_of_label', self._channels_by_label(), persistent=False)

    def init_weights(self) -> None:
        """Initialise the weights; the classifier starts with logits near zero."""
        super().init_weights()
        normal_init(self.conv_logits, std=0.01)

    @abstractmethod
    def forward(self, x: Sequence[Tensor]) -> Tensor:
        """Compute the logits of a batch, shape ``(B, out_channels, h, w)``, at the head's stride.

        Args:
            x: Feature pyramid from fine to coarse, each ``(B, C, H_l, W_l)``.
        """

    def loss(self, x: Sequence[Tensor], batch_data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the losses of a batch.

        Args:
            x: Feature pyramid from fine to coarse, each ``(B, C, H_l, W_l)``.
            batch_data_samples: Samples with ``gt_sem_seg``, labels with void 255; what is missing at the bottom and
                right of the padded input is void.

        Returns:
            ``loss_semantic`` and, with ``loss_dice``, ``loss_semantic_dice``; zeros with a graph if all is void.
        """
        logits = at_least_float32(self(x))
        padded_size = logits.shape[-2] * self.stride, logits.shape[-1] * self.stride
        targets = torch.stack([self._targets(sample, padded_size) for sample in batch_data_samples])
        if self.loss_stride != self.stride:
            logits = F.interpolate(logits, size=targets.shape[-2:], mode='bilinear')
        valid = targets != VOID_LABEL
        losses = dict(
            loss_semantic=self.loss_semantic(
                logits, targets, avg_factor=valid.sum().clamp(min=1), ignore_index=VOID_LABEL
            )
        )
        if self.loss_dice is not None:
            losses['loss_semantic_dice'] = self._dice(logits, targets, valid)
        return losses

    @torch.no_grad()
    def predict(
        self, x: Sequence[Tensor], batch_img_metas: Sequence[dict], rescale: bool = False
    ) -> list[SemanticMaps]:
        """Predict the label maps of a batch.

        Args:
            x: Feature pyramid from fine to coarse, each ``(B, C, H_l, W_l)``.
            batch_img_metas: Meta information per image, with ``img_shape`` and ``ori_shape``.
            rescale: Whether maps are given at ``ori_shape`` or at ``img_shape``.

        Returns:
            Maps per image.
        """
        views = self.predict_logits(x, batch_img_metas)
        sizes = (tuple(meta['ori_shape' if rescale else 'img_shape'][:2]) for meta in batch_img_metas)
        return [self.maps([view], size) for view, size in zip(views, sizes, strict=True)]

    @torch.no_grad()
    def predict_logits(self, x: Sequence[Tensor], batch_img_metas: Sequence[dict]) -> list[ViewMaps]:
        """Compute the logits of a batch, with what :meth:`maps` has to know of each image.

        Args:
            x: Feature pyramid from fine to coarse, each ``(B, C, H_l, W_l)``.
            batch_img_metas: Meta information per image, with ``img_shape``.

        Returns:
            Logits per image.
        """
        logits = at_least_float32(self(x))
        crops = (tuple(meta['img_shape'][:2]) for meta in batch_img_metas)
        return [ViewMaps(values, self.stride, crop) for values, crop in zip(logits, crops, strict=True)]

    def maps(self, views: Sequence[ViewMaps], size: tuple[int, int]) -> SemanticMaps:
        """Make the label maps of an image from its logits, averaged over its views if there are several.

        Args:
            views: Logits of each view.
            size: Height and width of the image in pixels.

        Returns:
            The maps; their ``logits`` are those of the first view's cells.
        """
        split = self.num_stuff if self.merge_things else self.num_things
        parts = [[view.select(part) for view in views] for part in (slice(split), slice(split, None))]
        things, stuff = reversed(parts) if self.merge_things else parts
        thing_values, thing_labels = averaged_argmax(things, size=size, memory_budget=self.memory_budget)
        stuff_values, stuff_labels = averaged_argmax(stuff, size=size, memory_budget=self.memory_budget)
        stuff_labels = stuff_labels + self.num_things
        if self.merge_things:
            thing_labels = torch.full_like(thing_labels, VOID_LABEL)
        labels = torch.where(thing_values >= stuff_values, thing_labels, stuff_labels)
        return SemanticMaps(labels, stuff_labels, self._cropped_logits(views))

    def _cropped_logits(self, views: Sequence[ViewMaps]) -> Tensor:
        first = views[0]
        if len(views) > 1 or first.flip:
            places = cell_positions(first)
            return torch.stack([sampled_maps(view, *places) for view in views]).mean(dim=0)
        height, width = (-(-side // first.scale) for side in first.crop)
        return first.values[:, :height, :width]

    def _targets(self, sample: DetDataSample, padded_size: tuple[int, int]) -> Tensor:
        """Channel of each pixel of the comparison, void 255, int64, shape ``(H, W)``."""
        if 'gt_sem_seg' not in sample:
            raise KeyError(
                f"{type(self).__name__} needs 'gt_sem_seg' to learn from: load it with LoadPanopticSegments, or with "
                'LoadAnnotations(with_seg=True), in the train pipeline'
            )
        labels = sample.gt_sem_seg.sem_seg[0]
        height, width = labels.shape
        if height > padded_size[0] or width > padded_size[1]:
            raise ValueError(
                f'the semantic map of {height}x{width} is larger than the network input, '
                f'{padded_size[0]}x{padded_size[1]}: load it before Resize in the train pipeline'
            )
        labels = F.pad(labels, (0, padded_size[1] - width, 0, padded_size[0] - height), value=VOID_LABEL)
        center = self.loss_stride // 2
        return self._channel_of_label[labels[center :: self.loss_stride, center :: self.loss_stride].long()]

    def _channels_by_label(self) -> Tensor:
        """Channel of each label, int64, shape ``(256,)``; void and labels that do not exist stay what they are."""
        channels = torch.arange(VOID_LABEL + 1)
        if self.merge_things:
            channels[: self.num_things] = self.num_stuff
            channels[self.num_things : self.num_things + self.num_stuff] = torch.arange(self.num_stuff)
        return channels

    def _dice(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        probabilities = logits.softmax(dim=1) * valid[:, None]
        channels = torch.arange(self.out_channels, device=targets.device)
        masks = targets[:, None] == channels[:, None, None]
        present = masks.any(dim=(0, 2, 3))
        return self.loss_dice(
            probabilities.transpose(0, 1).flatten(1, 2),
            masks.transpose(0, 1).flatten(1, 2),
            weight=present.to(logits.dtype),
            avg_factor=present.sum().clamp(min=1),
        )

    def _check_losses(self) -> None:
        name = type(self).__name__
        if getattr(self.loss_semantic, 'use_sigmoid', False):
            raise ValueError(f'{name}: loss_semantic.use_sigmoid must be False: a pixel has one class')
        weights = getattr(self.loss_semantic, 'class_weight', None)
        if weights is not None and len(weights) != self.out_channels:
            raise ValueError(
                f'{name}: loss_semantic.class_weight has {len(weights)} values for {self.out_channels} channels'
            )
        if getattr(self.loss_dice, 'activate', False):
            raise ValueError(f'{name}: loss_dice.activate must be False: the head gives probabilities')
