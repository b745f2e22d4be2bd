"""SOLOv2's head, with kernels and masks of the chosen cells only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import NamedTuple

import torch
from mmdet.models import SOLOV2Head
from mmdet.registry import MODELS
from mmdet.utils import OptConfigType
from mmengine.config import ConfigDict
from torch import Tensor, nn
from torch.nn import functional as F

from mmdet_panseg.models.gt_objects import GTObjects
from mmdet_panseg.models.heads.cell_masks.level_masks import LogitMasks
from mmdet_panseg.models.heads.cell_masks.mask_source import MaskSource
from mmdet_panseg.ops import (
    ELLIPSE_PARAMETERS,
    GridCells,
    at_least_float32,
    cell_centers,
    cell_mask_logits,
    coordinate_channels,
)

from .aligned_pyramid import AlignedPyramid, SharedTower, images_of_batch
from .sparse_solo_head import SparseSOLOHead

_MASK_FEATURES = dict(
    feat_channels=128,
    start_level=0,
    end_level=3,
    out_channels=256,
    mask_stride=4,
    norm_cfg=dict(type='GN', num_groups=32, requires_grad=True),
)


class DynamicMasks(NamedTuple):
    """What the masks of one image on one level are made of.

    Attributes:
        kernels: Convolution kernel of each cell, shape ``(S², C * k²)``.
        mask_features: Mask features, which all levels share, shape ``(C, h, w)``.
        positions: What the head's ``position`` has predicted for each cell, shape ``(S², 6)``, or None.
    """

    kernels: Tensor
    mask_features: Tensor
    positions: Tensor | None


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
        mask_feature_head: mmdet's configuration of the mask feature branch, by default that of mmdet's configs;
            ``mask_stride``, the stride of the pyramid's finest level, must be 4.
        mask_supervision: At which resolution masks are learnt; default ``CommonStrideSupervision`` at 4.
        position: Component that tells a mask where its cell is, such as ``dict(type='EllipsePosition')``; default
            nothing but the coordinates that kernels and mask features are computed from, as in mmdet.
        mmdet_arithmetic: Teach a cell the masks of all objects that claim it, as mmdet does.
        **kwargs: Arguments of mmdet's ``SOLOV2Head`` and of :class:`SparseSOLOHead`, except ``mask_upsample``.

    Raises:
        ValueError: If ``dynamic_conv_size`` is even, ``mask_stride`` is not 4, or a setting has no meaning here.
    """

    exact_divisor = True

    def __init__(
        self,
        *args,
        mask_feature_head: OptConfigType = None,
        mask_supervision: OptConfigType = None,
        position: OptConfigType = None,
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
        mask_feature_head = mask_feature_head or _MASK_FEATURES
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
        if position is not None:
            shape = dict(in_channels=self.feat_channels, scale_ranges=self.scale_ranges)
            position = MODELS.build({**position, **shape})
        self.position = position

    def forward(self, x: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Run all branches on all levels.

        Args:
            x: Feature pyramid from fine to coarse, each ``(B, C, H_l, W_l)``.

        Returns:
            As mmdet's head: kernels, per level ``(B, C' * k², S_l, S_l)``, with those of :attr:`position` appended;
            class logits, per level ``(B, K, S_l, S_l)``; mask features, shape ``(B, C', H_0, W_0)``.
        """
        pyramid = self.run_tower(x)
        kernels = [self.kernels(feature, level) for level, feature in enumerate(pyramid.levels)]
        return kernels, self.all_class_logits(pyramid), pyramid.mask_features[0]

    def kernels(self, features: Tensor, level: int) -> Tensor:
        """Predict the kernels of the cells of a level (SOLOv2, mask kernel branch).

        Args:
            features: Aligned features, shape ``(B, C, H, W)``.
            level: Index of the level.

        Returns:
            Kernels, shape ``(B, C' * k², S, S)``; with a ``position``, its 6 channels are appended.
        """
        # The coordinates are resized apart from the features: nothing of the level's size is copied.
        maps = [features, coordinate_channels(features[:, :0])]
        features = torch.cat([F.interpolate(part, size=self.num_grids[level], mode='bilinear') for part in maps], dim=1)
        for conv in self.kernel_convs:
            features = conv(features)
        kernels = self.conv_kernel(features)
        return kernels if self.position is None else torch.cat([kernels, self.position(features)], dim=1)

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

    def tower_features(self, pyramid: AlignedPyramid) -> list[Tensor]:
        """Run the mask feature branch on all images; there is one level."""
        return [self.mask_features(pyramid.pyramid)]

    def level_sources(
        self, pyramid: AlignedPyramid, by_image: Sequence[Sequence[tuple[slice, Tensor]]]
    ) -> list[MaskSource]:
        """Run the mask feature branch for the images with chosen cells; arguments as in the parent."""
        if pyramid.mask_features is not None:
            (shared,) = pyramid.mask_features
            return super().level_sources(replace(pyramid, mask_features=dict(enumerate(shared))), by_image)
        images = [image for image, by_level in enumerate(by_image) if any(len(cells) for _, cells in by_level)]
        computed = self.images_to_compute(len(by_image), images)
        features = {}
        if computed:
            batch = self.mask_features([images_of_batch(level, computed) for level in pyramid.pyramid])
            features = dict(zip(computed, batch, strict=True))
        return super().level_sources(replace(pyramid, mask_features=features), by_image)

    def mask_features_of(self, pyramid: AlignedPyramid, level: int, images: Sequence[int]) -> dict[int, DynamicMasks]:
        """Run the kernel branch of a level; arguments as in the parent."""
        features = pyramid.levels[level]
        computed = self.images_to_compute(len(features), images)
        if not computed:
            return {}
        kernels = self.kernels(images_of_batch(features, computed), level).flatten(2).transpose(1, 2)
        by_image = dict(zip(computed, kernels, strict=True))
        return {image: self._dynamic_masks(by_image[image], pyramid.mask_features[image]) for image in images}

    def _dynamic_masks(self, kernels: Tensor, mask_features: Tensor) -> DynamicMasks:
        if self.position is None:
            return DynamicMasks(kernels, mask_features, None)
        kernels, positions = kernels.split([self.kernel_out_channels, ELLIPSE_PARAMETERS], dim=1)
        return DynamicMasks(kernels, mask_features, positions)

    def learnt_cells(
        self, objects: Sequence[GTObjects], assigned: Sequence[GridCells], padded_size: tuple[int, int]
    ) -> Sequence[GridCells]:
        """With ``mmdet_arithmetic`` choose a cell once for each object that claims it; arguments as in the parent.

        The sum is still divided by the number of positive cells: where objects collide, the loss is more than a mean.
        """
        if not self.mmdet_arithmetic:
            return assigned
        claims = (self.assigner.candidates(found, self.num_grids, self.scale_ranges, padded_size) for found in objects)
        return [GridCells(*(values[claim.cells.argsort(stable=True)] for values in claim)) for claim in claims]

    @property
    def shared_tower(self) -> SharedTower:
        """The mask features, which a semantic head may share."""
        return SharedTower(self.mask_feature_head.out_channels, self.mask_feature_head.mask_stride)

    def mask_towers(self) -> list[nn.Module]:
        """List the parts of the kernel and mask feature branches, which all levels share."""
        position = [] if self.position is None else [self.position]
        return [self.kernel_convs, self.conv_kernel, self.mask_feature_head, *position]

    def mask_layers(self) -> list[nn.ModuleList]:
        """List the layers with a convolution for every level: none."""
        return []

    def mask_size(self, pyramid: AlignedPyramid) -> tuple[int, int]:
        """Height and width at which testing compares the masks of all levels: those of the mask features."""
        return tuple(pyramid.pyramid[0].shape[-2:])

    def level_masks(self, features: DynamicMasks, level: int, cells: Tensor) -> LogitMasks:
        """Prepare the masks of one image on one level; arguments as in the parent."""
        return LogitMasks(partial(self.cell_logits, features, level), tuple(features.mask_features.shape[-2:]))

    def cell_logits(self, features: DynamicMasks, level: int, cells: Tensor) -> Tensor:
        """Compute mask logits of chosen cells.

        Args:
            features: Kernels and mask features of one image.
            level: Index of the level.
            cells: Cell indices within the level, shape ``(P,)``.

        Returns:
            Logits, shape ``(P, h, w)``.
        """
        size = self.dynamic_conv_size
        if size == 1:
            logits = cell_mask_logits(features.mask_features, features.kernels, None, cells)
        else:
            kernels = features.kernels[cells].unflatten(1, (-1, size, size))
            logits = F.conv2d(features.mask_features[None], kernels, padding=size // 2)[0]
        if features.positions is None:
            return logits
        stride, grid = self.mask_feature_head.mask_stride, self.num_grids[level]
        padded_size = [side * stride for side in logits.shape[1:]]
        centers = cell_centers(cells, grid, padded_size)
        return self.position.add_to(at_least_float32(logits), features.positions[cells], centers, level, stride)
