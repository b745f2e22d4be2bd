"""SOLOv2's head, with kernels and masks of the chosen cells only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial, reduce
from typing import NamedTuple

import torch
from mmdet.models import SOLOV2Head
from mmdet.registry import MODELS
from mmdet.utils import ConfigType, OptConfigType
from mmengine.config import ConfigDict
from torch import Tensor, nn
from torch.nn import functional as F

from mmdet_panseg.models.heads.cell_masks.level_masks import LogitMasks
from mmdet_panseg.ops import cell_mask_logits, coordinate_channels

from .solo_v2_arithmetic import loss_of_all_claims
from .sparse_solo_head import SparseSOLOHead


class DynamicMasks(NamedTuple):
    """What the masks of one image on one level are made of.

    Attributes:
        kernels: Convolution kernel of each cell, shape ``(S², C * k²)``.
        mask_features: Mask features, which all levels share, shape ``(C, h, w)``.
    """

    kernels: Tensor
    mask_features: Tensor


class _Levels(list):
    """Aligned features of a batch, the pyramid they come from and the mask features made of it so far, by image."""

    def __init__(self, aligned: Iterable[Tensor], pyramid: Sequence[Tensor]) -> None:
        super().__init__(aligned)
        self.pyramid = pyramid
        self.mask_features: dict[int, Tensor] = {}


@MODELS.register_module()
class SparseSOLOV2Head(SparseSOLOHead, SOLOV2Head):
    """SOLOv2 head whose branches run where there are positive cells in training, candidates in testing.

    A cell predicts a kernel, and the convolution of the shared mask features with it is the cell's mask (Wang et al.,
    SOLOv2, 2020). Kernels of a level are computed for the images that have such a cell there, mask features for the
    images that have one anywhere, mask logits for a chunk of cells at a time.

    A drop-in for mmdet's ``SOLOV2Head``: the same arguments, the same ``state_dict``, the same predictions, and with
    ``mmdet_arithmetic`` the same losses and gradients. What differs on purpose, beside what :class:`SparseSOLOHead`
    lists:

    - A cell that several objects claim learns the mask of the last one, as it learns its class. mmdet teaches it the
      masks of all and divides the sum of their losses by the number of cells.
    - Every parameter has a gradient in a batch without objects. mmdet's kernel branch has none there, so that a
      distributed run hangs.
    - Masks keep their size under kernels of more than one pixel, by padding; mmdet fails in training.
    - The input's sides need not be multiples of the strides that mask features are made of.

    Args:
        *args: Arguments of mmdet's ``SOLOV2Head``.
        mask_feature_head: mmdet's configuration of the mask feature branch; ``mask_stride``, the stride of
            the pyramid's finest level, must be 4.
        mask_supervision: At which resolution masks are learnt; default ``CommonStrideSupervision`` at 4.
        mmdet_arithmetic: Teach a cell the masks of all objects that claim it, as mmdet does.
        **kwargs: Arguments of mmdet's ``SOLOV2Head`` and of :class:`SparseSOLOHead`, except ``mask_upsample``.

    Raises:
        ValueError: If ``dynamic_conv_size`` is even, ``mask_stride`` is not 4, or a setting has no meaning here.
    """

    def __init__(
        self,
        *args,
        mask_feature_head: ConfigType,
        mask_supervision: OptConfigType = None,
        mmdet_arithmetic: bool = False,
        **kwargs,
    ) -> None:
        name = type(self).__name__
        if kwargs.get('dynamic_conv_size', 1) % 2 == 0:
            raise ValueError(f'{name}: dynamic_conv_size must be odd, not {kwargs["dynamic_conv_size"]}')
        if 'mask_upsample' in kwargs:
            raise ValueError(f'{name}: drop mask_upsample: the mask features are at mask_stride already')
        varied = [key for key in ('assigner', 'normalizer') if mmdet_arithmetic and kwargs.get(key)]
        if varied:
            raise ValueError(f'{name}: mmdet_arithmetic=True sets what {varied} would: drop them or the flag')
        if mask_feature_head.get('mask_stride', 4) != 4:
            raise ValueError(f'{name}: mask_feature_head.mask_stride must be 4, not {mask_feature_head["mask_stride"]}')
        super().__init__(
            *args,
            # mmdet writes the number of channels into it.
            mask_feature_head=ConfigDict(mask_feature_head),
            mask_supervision=mask_supervision or dict(type='CommonStrideSupervision', stride=4),
            **kwargs,
        )
        # mmdet takes the argument of SOLO, but SOLOv2 has the grid's size from the first convolution on.
        self.cls_down_index = 0
        self.mmdet_arithmetic = mmdet_arithmetic
        if mmdet_arithmetic:
            self.cell_mask_loss = partial(loss_of_all_claims, self.cell_mask_loss)

    def class_divisor(self, positives: Tensor, logits: Tensor) -> Tensor:
        """What the class loss of a batch is divided by; arguments as in the parent."""
        divisor = super().class_divisor(positives, logits)
        # mmdet counts in Python numbers here, so the 1e-7 that its losses add is not lost in float64 as it is for SOLO.
        return divisor.to(logits.dtype) if self.mmdet_arithmetic else divisor

    def forward(self, x: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Run all branches on all levels.

        Args:
            x: Feature pyramid from fine to coarse, each ``(B, C, H_l, W_l)``.

        Returns:
            As mmdet's head: kernels, per level ``(B, C' * k², S_l, S_l)``; class logits, per level
            ``(B, K, S_l, S_l)``; mask features, shape ``(B, C', H_0, W_0)``.
        """
        levels = self.align(x)
        kernels = [self.kernels(feature, level) for level, feature in enumerate(levels)]
        logits = [self.class_logits(feature, level) for level, feature in enumerate(levels)]
        return kernels, logits, self.mask_features(x)

    def align(self, x: Sequence[Tensor]) -> list[Tensor]:
        """Bring the pyramid to the strides of the head's levels."""
        return _Levels(super().align(x), x)

    def kernels(self, features: Tensor, level: int) -> Tensor:
        """Predict the kernels of the cells of a level (SOLOv2, mask kernel branch).

        Args:
            features: Aligned features, shape ``(B, C, H, W)``.
            level: Index of the level.

        Returns:
            Kernels, shape ``(B, C' * k², S, S)``.
        """
        # The coordinates are resized apart from the features: nothing of the level's size is copied.
        maps = [features, coordinate_channels(features[:, :0])]
        features = torch.cat([F.interpolate(part, size=self.num_grids[level], mode='bilinear') for part in maps], dim=1)
        for conv in self.kernel_convs:
            features = conv(features)
        return self.conv_kernel(features)

    def mask_features(self, x: Sequence[Tensor]) -> Tensor:
        """Add up the levels of the pyramid at the size of the finest (SOLOv2, mask feature branch).

        Args:
            x: Feature pyramid from fine to coarse, each ``(B, C, H_l, W_l)``.

        Returns:
            Mask features, shape ``(B, C', H_0, W_0)``.
        """
        branch = self.mask_feature_head
        height, width = x[0].shape[-2:]

        def upsampled(level: int, convs: nn.Module) -> Tensor:
            coordinates = level == branch.end_level > 0
            # A side that was rounded up on the way to this level comes back too long.
            return convs(coordinate_channels(x[level]) if coordinates else x[level])[..., :height, :width]

        levels = enumerate(branch.convs_all_levels, branch.start_level)
        return branch.conv_pred(reduce(torch.add, (upsampled(level, convs) for level, convs in levels)))

    def mask_features_of(self, levels: _Levels, level: int, images: Sequence[int]) -> dict[int, DynamicMasks]:
        """Run the kernel branch of a level, and the mask feature branch, for those images that need them.

        Args:
            levels: What :meth:`align` gives; it keeps mask features for the next levels.
            level: Index of the level.
            images: Images that have cells to compute, in ascending order.

        Returns:
            Kernels and mask features by image.
        """
        computed = range(len(levels[level])) if self._images_share_statistics() else images
        if not computed:
            return {}
        new = [image for image in computed if image not in levels.mask_features]
        if new:
            features = self.mask_features([_of_images(feature, new) for feature in levels.pyramid])
            levels.mask_features.update(zip(new, features, strict=True))
        kernels = self.kernels(_of_images(levels[level], computed), level).flatten(2).transpose(1, 2)
        kernels_of_image = dict(zip(computed, kernels, strict=True))
        return {image: DynamicMasks(kernels_of_image[image], levels.mask_features[image]) for image in images}

    def mask_towers(self) -> list[nn.Module]:
        """List the parts of the kernel and mask feature branches, which all levels share."""
        return [self.kernel_convs, self.conv_kernel, self.mask_feature_head]

    def mask_layers(self) -> list[nn.ModuleList]:
        """List the layers with a convolution for every level: none."""
        return []

    def mask_size(self, levels: _Levels) -> tuple[int, int]:
        """Height and width at which testing compares the masks of all levels: those of the mask features."""
        return tuple(levels.pyramid[0].shape[-2:])

    def level_masks(self, features: DynamicMasks, level: int, cells: Tensor) -> LogitMasks:
        """Prepare the masks of one image on one level; arguments as in the parent."""
        return LogitMasks(partial(self.cell_logits, features, level), tuple(features.mask_features.shape[-2:]))

    def cell_logits(self, features: DynamicMasks, level: int, cells: Tensor) -> Tensor:
        """Compute mask logits of chosen cells.

        Args:
            features: Kernels and mask features of one image.
            level: Not used; the kernels are those of the level.
            cells: Cell indices within the level, shape ``(P,)``.

        Returns:
            Logits, shape ``(P, h, w)``.
        """
        size = self.dynamic_conv_size
        if size == 1:
            return cell_mask_logits(features.mask_features, features.kernels, None, cells)
        kernels = features.kernels[cells].unflatten(1, (-1, size, size))
        return F.conv2d(features.mask_features[None], kernels, padding=size // 2)[0]


def _of_images(features: Tensor, images: Sequence[int]) -> Tensor:
    """Choose images of a batch, in ascending order."""
    return features if len(images) == len(features) else features[list(images)]
