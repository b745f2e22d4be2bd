"""SOLO's head, with masks of the chosen cells only."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from mmdet.models import SOLOHead
from mmdet.registry import MODELS, TASK_UTILS
from mmdet.structures import SampleList
from mmdet.utils import InstanceList, OptConfigType
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from mmdet_panseg.errors import CLASSES_OF_DATA, ConfigError
from mmdet_panseg.models.gt_objects import GTObjects
from mmdet_panseg.models.heads.cell_masks.image_masks import ImageMasks
from mmdet_panseg.models.heads.cell_masks.level_masks import LevelMasks, LogitMasks
from mmdet_panseg.models.heads.cell_masks.loss import CellMaskLoss
from mmdet_panseg.models.heads.cell_masks.mask_source import MaskSource, sources_of_cells
from mmdet_panseg.models.heads.cell_masks.prediction import CellMaskPredictor
from mmdet_panseg.models.heads.cell_masks.soft_instances import SoftInstances
from mmdet_panseg.ops import (
    GridCells,
    align_pyramid,
    aligned_strides,
    at_least_float32,
    cell_mask_logits,
    coordinate_channels,
    flatten_levels,
    split_levels,
    suppress_non_peaks,
)

from .aligned_pyramid import AlignedPyramid, SharedTower, images_of_batch
from .cell_classifiers import start_with_background


@MODELS.register_module()
class SparseSOLOHead(SOLOHead):
    """SOLO head that computes the masks of positive cells in training and of candidate cells in testing.

    A drop-in for mmdet's ``SOLOHead``: the same arguments, the same ``state_dict``, the same losses, gradients and
    predictions. What differs on purpose: boxes come from the masks (mmdet gives zeros), ``predict(rescale=False)``
    stays at the size of the network's input, results without detections have the dtypes of the others, and the
    class default strides (4, 8, 16, 32, 64) train.

    The head prepares what is compared, per level and image with chosen cells a :class:`MaskSource`, and hands it down
    to :class:`CellMaskLoss` and :class:`CellMaskPredictor`, which know no head. Another head of the family overrides,
    as far as it differs:

    - :meth:`class_logits`: the class branch on one level;
    - :meth:`mask_features` and :meth:`split_images`: the mask branch on one level, and its parts by image;
    - :meth:`level_masks`, or only :meth:`cell_logits`: from such a part to the masks of cells;
    - :meth:`mask_towers` and :meth:`mask_layers`: its parameters, so that each gets a gradient in every batch;
    - :meth:`mask_sources`, :meth:`mask_features_of` and :meth:`mask_size`: if the levels share features;
    - :meth:`learnt_cells`: if the masks of other cells are learnt than the classes;
    - :attr:`shared_tower`: what a semantic head may share, None for nothing;
    - ``exact_divisor``: whether the class loss's divisor has the precision of the logits, as where mmdet counts in
      Python's numbers; the 1e-7 that mmdet adds to it is lost otherwise.

    Args:
        *args: Arguments of mmdet's ``SOLOHead``.
        loss_mask: Loss of the masks; default mmdet's. ``activate`` follows from ``mask_supervision`` where it is not
            given.
        assigner: Which cells learn which object; default ``SOLOGridAssigner`` with the head's ``pos_scale``.
        mask_supervision: At which resolution masks are learnt; default ``PerLevelSupervision``. Its ``resize`` is also
            the default of ``test_cfg.resize``.
        classifier: Last layer of the class branch; default mmdet's shared 3×3 convolution.
        mask_classifier: Component that rates whole masks, such as ``dict(type='MaskPooledClassifier')``; default none:
            classes and scores are the cells'.
        normalizer: What the losses are divided by; default ``LossNormalizer`` with mmdet's rules.
        sync_normalizer: Average the number of positives over the processes of a distributed run.
        negatives: Cells whose masks are taught to stay empty, for example ``RandomNegativeCells``; default none.
        mask_upsample: Whether masks are upsampled ``'after'`` the mask tower or their features ``'before'`` it.
        memory_budget: Memory in MiB for the masks that are worked on at a time.
        test_cfg: mmdet's, with three more keys, see :class:`CellMaskPredictor`: ``suppression``, ``resize`` and
            ``max_cells``.
        **kwargs: Arguments of mmdet's ``SOLOHead``.

    Raises:
        ConfigError: If there is no number of classes, or ``test_cfg`` has an unknown setting, lacks one, or has one
            that is out of range.
        ValueError: If another setting is out of range, or ``loss_mask.activate`` contradicts ``mask_supervision``.
    """

    exact_divisor = False

    def __init__(
        self,
        *args,
        loss_mask: OptConfigType = None,
        assigner: OptConfigType = None,
        mask_supervision: OptConfigType = None,
        classifier: OptConfigType = None,
        mask_classifier: OptConfigType = None,
        normalizer: OptConfigType = None,
        sync_normalizer: bool = False,
        negatives: OptConfigType = None,
        mask_upsample: str = 'after',
        memory_budget: float = 64,
        test_cfg: OptConfigType = None,
        **kwargs,
    ) -> None:
        if not args and kwargs.get('num_classes') is None:
            raise ConfigError(f'model.mask_head has no num_classes. {CLASSES_OF_DATA}')
        if mask_upsample not in ('after', 'before'):
            raise ValueError(f"{type(self).__name__}: mask_upsample must be 'after' or 'before', not {mask_upsample!r}")
        supervision = TASK_UTILS.build(mask_supervision or dict(type='PerLevelSupervision'))
        loss_mask = dict(loss_mask or dict(type='DiceLoss', use_sigmoid=True, loss_weight=3.0))
        if not supervision.learns_logits:
            loss_mask.setdefault('activate', False)
        super().__init__(*args, loss_mask=loss_mask, test_cfg=test_cfg, **kwargs)
        if getattr(self.loss_mask, 'activate', True) != supervision.learns_logits:
            raise ValueError(
                f'loss_mask.activate={not supervision.learns_logits} contradicts mask_supervision.resize: drop '
                'loss_mask.activate, which follows from it'
            )
        self.mask_upsample = mask_upsample
        self.level_strides = aligned_strides(self.strides)
        self.level_cells = [grid * grid for grid in self.num_grids]
        self.assigner = TASK_UTILS.build(assigner or dict(type='SOLOGridAssigner', pos_scale=self.pos_scale))
        if classifier is not None:
            shape = dict(in_channels=self.feat_channels, out_channels=self.cls_out_channels, num_levels=self.num_levels)
            self.conv_cls = MODELS.build({**classifier, **shape})
        if mask_classifier is not None:
            shape = dict(in_channels=self.in_channels, num_classes=self.num_classes)
            mask_classifier = MODELS.build({**mask_classifier, **shape})
        self.mask_classifier = mask_classifier
        normalizer = dict(normalizer or dict(type='LossNormalizer'))
        if sync_normalizer:
            normalizer['sync'] = True
        self.normalizer = TASK_UTILS.build(normalizer)
        self.memory_budget = int(memory_budget * 2**20)
        self.cell_mask_loss = CellMaskLoss(
            self.loss_mask,
            supervision,
            self.normalizer,
            TASK_UTILS.build(negatives) if negatives else None,
            self.memory_budget,
        )
        self.build_predictor()

    @property
    def target_strides(self) -> list[int]:
        """Strides in pixels at which the head needs mask targets, ascending."""
        supervised = {self.cell_mask_loss.supervision.target_stride(stride) for stride in self.level_strides}
        parts = (self.assigner, self.mask_classifier)
        return sorted(supervised.union(*(getattr(part, 'target_strides', ()) for part in parts)))

    @property
    def shared_tower(self) -> SharedTower | None:
        """The one mask tower, which a semantic head may share; None if there is not one for each level."""
        return SharedTower(self.feat_channels, self.level_strides[0] // (2 if self.mask_upsample == 'before' else 1))

    def _init_layers(self) -> None:
        # A softmax has a logit for the background.
        if not getattr(self.loss_cls, 'use_sigmoid', True):
            self.cls_out_channels = self.num_classes + 1
        super()._init_layers()

    def init_weights(self) -> None:
        """Initialise the weights; almost every cell is background, and a softmax classifier starts with that."""
        super().init_weights()
        if self.cls_out_channels > self.num_classes:
            start_with_background(self.conv_cls)

    def forward(self, x: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Run both towers on all levels.

        Args:
            x: Feature pyramid from fine to coarse, each ``(B, C, H_l, W_l)``.

        Returns:
            Features of the mask tower, per level ``(B, C, h_l, w_l)``; class logits, per level ``(B, K, S_l, S_l)``.
        """
        pyramid = self.run_tower(x)
        return pyramid.mask_features, self.all_class_logits(pyramid)

    def align(self, x: Sequence[Tensor] | AlignedPyramid) -> AlignedPyramid:
        """Bring the pyramid to the strides of the head's levels, unless it is aligned already."""
        if isinstance(x, AlignedPyramid):
            return x
        if len(x) != self.num_levels:
            raise ValueError(f'{type(self).__name__} has {self.num_levels} levels, but the neck gives {len(x)}')
        return AlignedPyramid(align_pyramid(x), x)

    def run_tower(self, x: Sequence[Tensor]) -> AlignedPyramid:
        """Align the pyramid and run the mask tower on all levels and images, for a semantic head that shares it."""
        pyramid = self.align(x)
        if pyramid.mask_features is not None:
            return pyramid
        return replace(pyramid, mask_features=self.tower_features(pyramid))

    def tower_features(self, pyramid: AlignedPyramid) -> list[Tensor]:
        """Run the mask tower on all levels and images, from fine to coarse."""
        return [self.mask_features(level) for level in pyramid.levels]

    def all_class_logits(self, pyramid: AlignedPyramid) -> list[Tensor]:
        """Classify the grid cells of all levels, each ``(B, K, S_l, S_l)``."""
        return [self.class_logits(features, level) for level, features in enumerate(pyramid.levels)]

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

    def mask_sources(self, pyramid: AlignedPyramid, cells: Sequence[Tensor]) -> list[MaskSource]:
        """Prepare the masks of chosen cells; the mask tower of a level runs for the images that need it.

        Args:
            pyramid: The aligned pyramid.
            cells: Per image the chosen cells, ascending indices over all levels.

        Returns:
            A source for each level and image with chosen cells.
        """
        return self.level_sources(pyramid, [split_levels(chosen, self.level_cells) for chosen in cells])

    def level_sources(
        self, pyramid: AlignedPyramid, by_image: Sequence[Sequence[tuple[slice, Tensor]]]
    ) -> list[MaskSource]:
        """Do what :meth:`mask_sources` does for cells that are told apart by level.

        Args:
            pyramid: The aligned pyramid.
            by_image: Per image and level what :func:`~mmdet_panseg.ops.split_levels` gives.

        Returns:
            A source for each level and image with chosen cells.
        """
        sources = []
        for level, features in enumerate(pyramid.levels):
            images = [image for image, by_level in enumerate(by_image) if by_level[level][1].shape[0] > 0]
            for image, part in self.mask_features_of(pyramid, level, images).items():
                sources.append(
                    MaskSource(
                        image,
                        level,
                        *by_image[image][level],
                        provider=partial(self.level_masks, part, level),
                        num_cells=self.level_cells[level],
                        stride=self.level_strides[level],
                        size=tuple(features.shape[-2:]),
                    )
                )
        return sources

    def mask_features_of(self, pyramid: AlignedPyramid, level: int, images: Sequence[int]) -> dict[int, Any]:
        """Run the mask tower of a level for those images that need it.

        Args:
            pyramid: The aligned pyramid.
            level: Index of the level.
            images: Images that have cells to compute, ascending.

        Returns:
            What :meth:`level_masks` takes, by image.
        """
        if pyramid.mask_features is not None:
            by_image = self.split_images(pyramid.mask_features[level])
            return {image: by_image[image] for image in images}
        features = pyramid.levels[level]
        computed = self.images_to_compute(len(features), images)
        if not computed:
            return {}
        by_image = self.split_images(self.mask_features(images_of_batch(features, computed)))
        return {image: part for image, part in zip(computed, by_image, strict=True) if image in images}

    def images_to_compute(self, batch_size: int, images: Sequence[int]) -> Sequence[int]:
        """All images of the batch, if their features depend on each other, and with synchronised norms on others."""
        modules = (module for tower in self.mask_towers() for module in tower.modules())
        shared = any(isinstance(module, _BatchNorm) and module.training for module in modules)
        return range(batch_size) if shared else images

    def split_images(self, tower: Any) -> Sequence[Any]:
        """Split what :meth:`mask_features` gives into images."""
        return tower

    def mask_towers(self) -> list[nn.ModuleList]:
        """List the towers of the mask branch, which all levels share."""
        return [self.mask_convs]

    def mask_layers(self) -> list[nn.ModuleList]:
        """List the last layers of the mask branch, each with a convolution for every level."""
        return [self.conv_mask_list]

    def mask_size(self, pyramid: AlignedPyramid) -> tuple[int, int]:
        """Height and width at which testing compares the masks of all levels: twice those of the first level."""
        return tuple(2 * side for side in pyramid.levels[0].shape[-2:])

    def level_masks(self, features: Any, level: int, cells: Tensor) -> LevelMasks:
        """Prepare the masks of one image on one level.

        Args:
            features: The image's part of :meth:`mask_features`.
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

    def loss(self, x: Sequence[Tensor], batch_data_samples: SampleList, **kwargs) -> dict[str, Tensor]:
        """Compute the losses of a batch.

        Args:
            x: Feature pyramid from fine to coarse, each ``(B, C, H_l, W_l)``.
            batch_data_samples: Samples with ``gt_instances``.
            **kwargs: Not used; mmdet's detectors pass more.

        Returns:
            ``loss_mask``, ``loss_cls`` and, with negatives, ``loss_mask_negative``, with a mask classifier
            ``loss_mask_cls``.
        """
        pyramid = self.align(x)
        padded_size = tuple(side * self.level_strides[0] for side in pyramid.levels[0].shape[-2:])
        objects, assigned = self.assign(padded_size, batch_data_samples)
        logits = flatten_levels(self.all_class_logits(pyramid))
        labels = logits.new_full(logits.shape[:2], self.num_classes, dtype=torch.long)
        for image, (cells, owners) in enumerate(assigned):
            labels[image, cells] = objects[image].labels[owners]
        positives = (labels != self.num_classes).sum(dim=1)
        divisor = self.normalizer.class_divisor(positives)
        if self.exact_divisor:
            divisor = divisor.to(logits.dtype)
        losses = dict(loss_cls=self.loss_cls(logits.flatten(0, 1), labels.flatten(), avg_factor=divisor))

        learnt = self.learnt_cells(objects, assigned, padded_size)
        cells = [cells for cells, _ in learnt]
        if self.mask_classifier is None:
            sources = self.mask_sources(pyramid, cells)
        else:
            pairs = zip(logits, assigned, strict=True)
            rated = [self.mask_classifier.choose(of_image, found.cells) for of_image, found in pairs]
            everything = [torch.cat(both).unique() for both in zip(cells, rated, strict=True)]
            all_sources = self.mask_sources(pyramid, everything)
            sources = sources_of_cells(all_sources, cells, self.level_cells)
            losses['loss_mask_cls'] = self._mask_classifier_loss(pyramid, all_sources, rated, objects)
        zero = self._zero_of_unused({source.level for source in sources}, like=pyramid.levels[0])
        losses.update(self.cell_mask_loss(sources, objects, [owners for _, owners in learnt], positives, zero))
        return losses

    def _mask_classifier_loss(
        self,
        pyramid: AlignedPyramid,
        sources: Sequence[MaskSource],
        cells: Sequence[Tensor],
        objects: Sequence[GTObjects],
    ) -> Tensor:
        """Rate the masks of chosen cells, which do not learn from it."""
        settings = (self.level_cells, self.mask_size(pyramid), self.cell_mask_loss.supervision.test_resize)
        with torch.no_grad():
            masks = [
                ImageMasks(sources, image, *settings, self.memory_budget).all(chosen)
                for image, chosen in enumerate(cells)
            ]
        return self.mask_classifier.loss(self.mask_classifier.features(pyramid.pyramid), masks, objects)

    def learnt_cells(
        self, objects: Sequence[GTObjects], assigned: Sequence[GridCells], padded_size: tuple[int, int]
    ) -> Sequence[GridCells]:
        """Choose per image whose masks are learnt in which cells: as the classes are.

        Args:
            objects: Objects per image.
            assigned: What :meth:`assign` has found.
            padded_size: Height and width of the network's input in pixels.

        Returns:
            Ascending cells and their objects.
        """
        return assigned

    def _zero_of_unused(self, used_levels: set[int], like: Tensor) -> Tensor:
        """Scalar 0 with a graph to the mask parameters that have no part in the masks of some levels.

        Without it a distributed run waits forever for the gradient of a level that has no positive cell.
        """
        unused = [conv for layer in self.mask_layers() for level, conv in enumerate(layer) if level not in used_levels]
        if not used_levels:
            unused.extend(self.mask_towers())
        zeros = [parameter.flatten()[:1] * 0 for module in unused for parameter in module.parameters()]
        return torch.cat([like.new_zeros(0), *zeros]).sum()

    def assign(
        self, padded_size: tuple[int, int], batch_data_samples: SampleList
    ) -> tuple[list[GTObjects], list[GridCells]]:
        """Find objects and positive cells per image.

        Args:
            padded_size: Height and width of the network's input in pixels.
            batch_data_samples: Samples with ``gt_instances``.

        Returns:
            Per image the objects, and the positive cells with the object of each.
        """
        objects, assigned = [], []
        for sample in batch_data_samples:
            image_size = sample.metainfo.get('img_shape', padded_size)[:2]
            found = GTObjects.from_instances(sample.gt_instances, sample.batch_input_shape, image_size)
            cells = self.assigner.assign(found, self.num_grids, self.scale_ranges, padded_size, image_size)
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
        sizes = (tuple(s.metainfo['ori_shape' if rescale else 'img_shape'][:2]) for s in batch_data_samples)
        found = self._soft_instances(x, batch_data_samples)
        return [instances.at_size(size, self.memory_budget) for instances, size in zip(found, sizes, strict=True)]

    @torch.no_grad()
    def predict_soft(self, x: Sequence[Tensor], batch_data_samples: SampleList) -> list[SoftInstances]:
        """Predict the instances of a batch and leave their masks soft and at 1/4 of the input.

        Args:
            x: Feature pyramid from fine to coarse, each ``(B, C, H_l, W_l)``.
            batch_data_samples: Samples with ``img_shape``.

        Returns:
            Instances per image, by falling score.

        Raises:
            ValueError: If the head has no ``test_cfg``.
        """
        return list(self._soft_instances(x, batch_data_samples))

    def _soft_instances(self, x: Sequence[Tensor], batch_data_samples: SampleList) -> Iterator[SoftInstances]:
        if not self.test_cfg:
            raise ValueError(f'{type(self).__name__} has no test_cfg: give the model test_cfg=dict(score_thr=0.1, ...)')
        if self.test_cfg != self._test_cfg_of_predictor:
            self.build_predictor()
        pyramid = self.align(x)
        scores = flatten_levels([self.cell_scores(feature, level) for level, feature in enumerate(pyramid.levels)])
        scores = self.predictor.best_cells(scores)
        sources = self.mask_sources(pyramid, self.predictor.above_threshold(scores))
        metas = [sample.metainfo for sample in batch_data_samples]
        return self.predictor(scores, sources, self.mask_size(pyramid), metas, self.mask_rating(pyramid))

    def mask_rating(self, pyramid: AlignedPyramid) -> Callable[[int, Tensor, Tensor], Tensor] | None:
        """Give the predictor what brings scores and ratings of masks together."""
        if self.mask_classifier is None:
            return None
        classifier = self.mask_classifier
        features = classifier.features(pyramid.pyramid)
        return lambda image, masks, scores: classifier.combine(scores, classifier(features[image], masks))

    def build_predictor(self, kind: type[CellMaskPredictor] = CellMaskPredictor) -> None:
        """Build what :meth:`predict` uses: with the head, and again where a notebook changes ``head.test_cfg``.

        Args:
            kind: Class of the predictor.
        """
        predictor = None
        if self.test_cfg:
            predictor = kind.from_test_cfg(
                self.test_cfg,
                resize=self.cell_mask_loss.supervision.test_resize,
                strides=self.strides,
                level_cells=self.level_cells,
                memory_budget=self.memory_budget,
            )
        self.predictor, self._test_cfg_of_predictor = predictor, copy.deepcopy(self.test_cfg)

    def cell_scores(self, features: Tensor, level: int) -> Tensor:
        """Class probabilities of the cells that are local maxima, zero elsewhere, shape ``(B, K, S, S)``."""
        logits = at_least_float32(self.class_logits(features, level))
        if self.cls_out_channels == self.num_classes:
            return suppress_non_peaks(logits.sigmoid())
        return suppress_non_peaks(logits.softmax(dim=1)[:, : self.num_classes])
