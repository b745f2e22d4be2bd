"""SOLO's head, with masks of the chosen cells only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from mmdet.models import SOLOHead
from mmdet.registry import MODELS, TASK_UTILS
from mmdet.structures import SampleList
from mmdet.utils import InstanceList, OptConfigType
from mmengine.config import ConfigDict
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from mmdet_panseg.models.gt_objects import GTObjects
from mmdet_panseg.models.heads.cell_masks.level_masks import LevelMasks, LogitMasks
from mmdet_panseg.models.heads.cell_masks.loss import CellMaskLoss
from mmdet_panseg.models.heads.cell_masks.prediction import CellMaskPredictor
from mmdet_panseg.ops import (
    GridCells,
    align_pyramid,
    aligned_strides,
    at_least_float32,
    cell_mask_logits,
    coordinate_channels,
    flatten_levels,
    suppress_non_peaks,
)

from .tower_levels import TowerLevels


@MODELS.register_module()
class SparseSOLOHead(SOLOHead):
    """SOLO head that computes the masks of positive cells in training and of candidate cells in testing.

    A drop-in for mmdet's ``SOLOHead``: the same arguments, the same ``state_dict``, the same losses, gradients and
    predictions. What differs on purpose: boxes come from the masks (mmdet gives zeros), ``predict(rescale=False)``
    stays at the size of the network's input, results without detections have the dtypes of the others, and the
    class default strides (4, 8, 16, 32, 64) train.

    Args:
        *args: Arguments of mmdet's ``SOLOHead``.
        assigner: Which cells learn which object; default ``SOLOGridAssigner`` with the head's ``pos_scale``.
        mask_supervision: At which resolution masks are learnt; default ``PerLevelSupervision``.
        classifier: Last layer of the class branch; default mmdet's shared 3×3 convolution.
        normalizer: What the losses are divided by; default ``LossNormalizer`` with mmdet's rules.
        sync_normalizer: Average the number of positives over the processes of a distributed run.
        negatives: Cells whose masks are taught to stay empty, for example ``RandomNegativeCells``; default none.
        mask_upsample: Whether masks are upsampled ``'after'`` the mask tower or their features ``'before'`` it.
        memory_budget: Memory in MiB for the masks that are worked on at a time.
        **kwargs: Arguments of mmdet's ``SOLOHead``. ``test_cfg`` may have two more keys: ``suppression``, such as
            ``dict(type='GreedyMaskNMS')``, in place of matrix NMS, and ``resize='logits'``.
    """

    def __init__(
        self,
        *args,
        assigner: OptConfigType = None,
        mask_supervision: OptConfigType = None,
        classifier: OptConfigType = None,
        normalizer: OptConfigType = None,
        sync_normalizer: bool = False,
        negatives: OptConfigType = None,
        mask_upsample: str = 'after',
        memory_budget: float = 64,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        if mask_upsample not in ('after', 'before'):
            raise ValueError(f"{type(self).__name__}: mask_upsample must be 'after' or 'before', not {mask_upsample!r}")
        self.mask_upsample = mask_upsample
        self.level_strides = aligned_strides(self.strides)
        self.level_cells = [grid * grid for grid in self.num_grids]
        self.assigner = TASK_UTILS.build(assigner or dict(type='SOLOGridAssigner', pos_scale=self.pos_scale))
        if classifier is not None:
            shape = dict(in_channels=self.feat_channels, out_channels=self.cls_out_channels, num_levels=self.num_levels)
            self.conv_cls = MODELS.build({**classifier, **shape})
        normalizer = dict(normalizer or dict(type='LossNormalizer'))
        if sync_normalizer:
            normalizer['sync'] = True
        self.normalizer = TASK_UTILS.build(normalizer)
        self.memory_budget = int(memory_budget * 2**20)
        self.cell_mask_loss = CellMaskLoss(
            self.loss_mask,
            TASK_UTILS.build(mask_supervision or dict(type='PerLevelSupervision')),
            TASK_UTILS.build(negatives) if negatives else None,
            self.memory_budget,
        )

    def _init_layers(self) -> None:
        # A softmax has a logit for the background.
        if not getattr(self.loss_cls, 'use_sigmoid', True):
            self.cls_out_channels = self.num_classes + 1
        super()._init_layers()

    def init_weights(self) -> None:
        """Start a softmax classifier with 1 % for all objects together, as sigmoids start with 1 % for each class.

        Almost every cell is background: from equal logits the first losses would be a hundred times the later ones.
        """
        super().init_weights()
        if self.cls_out_channels == self.num_classes:
            return
        classifiers = self.conv_cls if isinstance(self.conv_cls, nn.ModuleList) else [self.conv_cls]
        for classifier in classifiers:
            bias = classifier.bias.data
            # Weights that were loaded have different biases, and keep them.
            if (bias == bias[0]).all():
                bias[-1] = bias[:-1].logsumexp(0) + math.log(0.99 / 0.01)

    def forward(self, x: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Run both towers on all levels.

        Args:
            x: Feature pyramid from fine to coarse, each ``(B, C, H_l, W_l)``.

        Returns:
            Features of the mask tower, per level ``(B, C, h_l, w_l)``; class logits, per level ``(B, K, S_l, S_l)``.
        """
        levels = TowerLevels.of(self, x)
        return levels.mask_features, [self.class_logits(feature, level) for level, feature in enumerate(levels)]

    def align(self, x: Sequence[Tensor]) -> list[Tensor]:
        """Bring the pyramid to the strides of the head's levels, unless it is :class:`TowerLevels`, which is."""
        if isinstance(x, TowerLevels):
            return x
        if len(x) != self.num_levels:
            raise ValueError(f'{type(self).__name__} has {self.num_levels} levels, but the neck gives {len(x)}')
        return align_pyramid(x)

    def class_logits(self, features: Tensor, level: int) -> Tensor:
        """Classify the grid cells of a level.

        Args:
            features: Aligned features, shape ``(B, C, H, W)``.
            level: Index of the level.

        Returns:
            Logits, shape ``(B, K, S, S)``.
        """
        for index, conv in enumerate(self.cls_convs):
            if index == self.cls_down_index:
                features = F.interpolate(features, size=self.num_grids[level], mode='bilinear')
            features = conv(features)
        classifier = self.conv_cls[level] if isinstance(self.conv_cls, nn.ModuleList) else self.conv_cls
        return classifier(features)

    def mask_features(self, features: Tensor) -> Tensor:
        """Run the mask tower: ``(B, C, H, W)`` in, ``(B, C', H, W)`` out, or twice the size if upsampled before."""
        if self.mask_upsample == 'before':
            features = F.interpolate(features, scale_factor=2, mode='bilinear')
        features = coordinate_channels(features)
        for conv in self.mask_convs:
            features = conv(features)
        return features

    def mask_features_of(self, levels: Sequence[Tensor], level: int, images: Sequence[int]) -> dict[int, Any]:
        """Run the mask tower of a level for those images that need it.

        Args:
            levels: Aligned features, per level ``(B, C, H_l, W_l)``.
            level: Index of the level.
            images: Images that have cells to compute.

        Returns:
            Mask features by image, each ``(C', h, w)``.
        """
        if isinstance(levels, TowerLevels):
            return {image: levels.mask_features[level][image] for image in images}
        features = levels[level]
        computed = range(len(features)) if self._images_share_statistics() else images
        if not computed:
            return {}
        tower = self.mask_features(features if len(computed) == len(features) else features[list(computed)])
        by_image = dict(zip(computed, self.split_images(tower), strict=True))
        return {image: by_image[image] for image in images}

    def split_images(self, tower: Any) -> Sequence[Any]:
        """Split what :meth:`mask_features` gives into images."""
        return tower

    def _images_share_statistics(self) -> bool:
        """Whether features of an image depend on the batch, and with synchronised norms on other processes."""
        modules = (module for tower in self.mask_towers() for module in tower.modules())
        return any(isinstance(module, _BatchNorm) and module.training for module in modules)

    def mask_towers(self) -> list[nn.ModuleList]:
        """List the towers of the mask branch, which all levels share."""
        return [self.mask_convs]

    def mask_layers(self) -> list[nn.ModuleList]:
        """List the last layers of the mask branch, each with a convolution for every level."""
        return [self.conv_mask_list]

    def mask_size(self, levels: Sequence[Tensor]) -> tuple[int, int]:
        """Height and width at which testing compares the masks of all levels: twice those of the first level."""
        return tuple(2 * side for side in levels[0].shape[-2:])

    def level_masks(self, features: Any, level: int, cells: Tensor) -> LevelMasks:
        """Prepare the masks of one image on one level.

        Args:
            features: The image's entry of :meth:`mask_features_of`.
            level: Index of the level.
            cells: All cells of the level whose masks may be asked for, shape ``(P,)``.

        Returns:
            Gives the masks of those cells.
        """
        scale = 1 if self.mask_upsample == 'before' else 2
        size = (features.shape[-2] * scale, features.shape[-1] * scale)
        return LogitMasks(partial(self.cell_logits, features, level), size)

    def cell_logits(self, features: Tensor, level: int, cells: Tensor) -> Tensor:
        """Compute mask logits of chosen cells.

        Args:
            features: Mask features of one image, shape ``(C, h, w)``.
            level: Index of the level.
            cells: Cell indices within the level, shape ``(P,)``.

        Returns:
            Logits, shape ``(P, h, w)``.
        """
        conv = self.conv_mask_list[level]
        return cell_mask_logits(features, conv.weight, conv.bias, cells)

    def unused_mask_parameters(self, used_levels: set[int]) -> list[nn.Parameter]:
        """List the mask branch's parameters that have no part in the masks of the given levels."""
        unused = [conv for layer in self.mask_layers() for level, conv in enumerate(layer) if level not in used_levels]
        if not used_levels:
            unused.extend(self.mask_towers())
        return [parameter for module in unused for parameter in module.parameters()]

    def loss(self, x: Sequence[Tensor], batch_data_samples: SampleList, **kwargs) -> dict[str, Tensor]:
        """Compute the losses of a batch.

        Args:
            x: Feature pyramid from fine to coarse, each ``(B, C, H_l, W_l)``.
            batch_data_samples: Samples with ``gt_instances``.
            **kwargs: Not used; mmdet's detectors pass more.

        Returns:
            ``loss_mask``, ``loss_cls`` and, with negatives, ``loss_mask_negative``.
        """
        levels = self.align(x)
        objects, assigned = self.assign(levels, batch_data_samples)
        logits = flatten_levels([self.class_logits(feature, level) for level, feature in enumerate(levels)])
        labels = logits.new_full(logits.shape[:2], self.num_classes, dtype=torch.long)
        for image, (cells, owners) in enumerate(assigned):
            labels[image, cells] = objects[image].labels[owners]
        positives = (labels != self.num_classes).sum(dim=1)
        divisor = self.class_divisor(positives, logits)
        loss_cls = self.loss_cls(logits.flatten(0, 1), labels.flatten(), avg_factor=divisor)
        return dict(self.cell_mask_loss(self, levels, objects, assigned, positives), loss_cls=loss_cls)

    def class_divisor(self, positives: Tensor, logits: Tensor) -> Tensor:
        """What the class loss of a batch is divided by, from the positive cells per image, shape ``(B,)``."""
        return self.normalizer.class_divisor(positives)

    def assign(
        self, levels: Sequence[Tensor], batch_data_samples: SampleList
    ) -> tuple[list[GTObjects], list[GridCells]]:
        """Find objects and positive cells per image; of the features only the size of the first level counts."""
        height, width = (side * self.level_strides[0] for side in levels[0].shape[-2:])
        objects, assigned = [], []
        for sample in batch_data_samples:
            found = GTObjects.from_instances(sample.gt_instances, sample.batch_input_shape)
            image_size = sample.metainfo.get('img_shape', (height, width))[:2]
            cells = self.assigner.assign(found, self.num_grids, self.scale_ranges, (height, width), image_size)
            objects.append(found)
            assigned.append(cells)
        return objects, assigned

    @torch.no_grad()
    def predict(
        self,
        x: Sequence[Tensor],
        batch_data_samples: SampleList,
        rescale: bool = False,
        results_list: InstanceList | None = None,
        **kwargs,
    ) -> InstanceList:
        """Predict the instances of a batch.

        Args:
            x: Feature pyramid from fine to coarse, each ``(B, C, H_l, W_l)``.
            batch_data_samples: Samples with ``img_shape`` and ``ori_shape``.
            rescale: Whether masks and boxes are given at ``ori_shape`` or at ``img_shape``.
            results_list: Not used; mmdet's detectors pass the boxes of a box head.
            **kwargs: Not used.

        Returns:
            Per image ``scores`` (N,), ``labels`` (N,), bool ``masks`` (N, H, W), ``bboxes`` (N, 4), by falling score.

        Raises:
            ValueError: If the head has no ``test_cfg``.
        """
        if not self.test_cfg:
            raise ValueError(f'{type(self).__name__} has no test_cfg: give the model test_cfg=dict(score_thr=0.1, ...)')
        predictor = CellMaskPredictor(ConfigDict(self.test_cfg), self.strides, self.num_grids, self.memory_budget)
        levels = self.align(x)
        scores = flatten_levels([self.cell_scores(feature, level) for level, feature in enumerate(levels)])
        return predictor(self, levels, scores, [sample.metainfo for sample in batch_data_samples], rescale)

    def cell_scores(self, features: Tensor, level: int) -> Tensor:
        """Class probabilities of the cells that are local maxima, zero elsewhere, shape ``(B, K, S, S)``."""
        logits = at_least_float32(self.class_logits(features, level))
        if self.cls_out_channels == self.num_classes:
            return suppress_non_peaks(logits.sigmoid())
        return suppress_non_peaks(logits.softmax(dim=1)[:, : self.num_classes])
