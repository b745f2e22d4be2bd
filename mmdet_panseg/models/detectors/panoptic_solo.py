"""SOLO with a semantic branch and panoptic results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmdet.models import SOLO
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample, OptSampleList, SampleList
from mmdet.utils import ConfigType, OptConfigType, OptMultiConfig
from mmengine.structures import InstanceData, PixelData
from torch import Tensor, nn

from mmdet_panseg.errors import CLASSES_OF_DATA, ConfigError
from mmdet_panseg.models.heads.aligned_pyramid import AlignedPyramid
from mmdet_panseg.models.heads.semantic.semantic_head import SemanticMaps
from mmdet_panseg.ops import INSTANCE_OFFSET, VOID_LABEL


@MODELS.register_module()
class PanopticSOLO(SOLO):
    """Instances, a class for every pixel and one panoptic map from one pass over the features.

    With a mask head alone it is mmdet's ``SOLO``; with a semantic head alone it is a semantic segmentor, which a fusion
    head without things gives panoptic maps.

    Class counts: ``num_things`` and ``num_stuff`` are handed to the heads that do not say their own, from here or from
    the head that does. The semantic head
    and the fusion head have T things and S stuff classes; the mask head has T classes, or T + S if it learns islands of
    stuff as instances, which it says itself.

    Args:
        backbone: Backbone.
        neck: Neck.
        mask_head: A head of the SOLO family.
        semantic_head: Such as ``SemanticFPNHead``, or ``SharedTowerSemanticHead`` on the mask head's tower.
        fusion_head: Such as ``PanopticSOLOFusionHead``; needs both other heads, or without things the semantic head.
        train_cfg: Of the mask head.
        test_cfg: Of the mask head.
        data_preprocessor: Data preprocessor; ``pad_seg=True`` pads the semantic maps.
        init_cfg: mmengine's configuration of initial weights.
        num_things: Number of thing classes T.
        num_stuff: Number of stuff classes S.

    Raises:
        ConfigError: If there is no head, the fusion head lacks one of the others, class counts disagree, or the
            semantic head shares a mask tower that does not fit.
    """

    def __init__(
        self,
        backbone: ConfigType,
        neck: OptConfigType = None,
        mask_head: OptConfigType = None,
        semantic_head: OptConfigType = None,
        fusion_head: OptConfigType = None,
        train_cfg: OptConfigType = None,
        test_cfg: OptConfigType = None,
        data_preprocessor: OptConfigType = None,
        init_cfg: OptMultiConfig = None,
        num_things: int | None = None,
        num_stuff: int | None = None,
    ) -> None:
        said = dict(num_things=num_things, num_stuff=num_stuff, semantic_head=semantic_head, fusion_head=fusion_head)
        counts = {key: said_count(said, key) for key in ('num_things', 'num_stuff')}
        mask_head = _with_counts(mask_head, 'mask_head', num_classes=counts['num_things'])
        semantic_head = _with_counts(semantic_head, 'semantic_head', **counts)
        fusion_head = _with_counts(fusion_head, 'fusion_head', **counts)
        if mask_head is None and semantic_head is None:
            raise ConfigError('PanopticSOLO has no head: set model.mask_head, model.semantic_head or both')
        if fusion_head is not None and (semantic_head is None or (mask_head is None and fusion_head['num_things'] > 0)):
            raise ConfigError(
                'model.fusion_head needs model.mask_head and model.semantic_head, or the latter alone if its '
                'num_things is 0: set both or drop it'
            )
        super().__init__(
            backbone=backbone,
            neck=neck,
            # mmdet's base class insists on a mask head.
            mask_head=dict(type=nn.Identity) if mask_head is None else mask_head,
            train_cfg=train_cfg,
            test_cfg=test_cfg,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg,
        )
        if mask_head is None:
            self.mask_head = None
        self.semantic_head = MODELS.build(semantic_head) if semantic_head is not None else None
        self.fusion_head = MODELS.build(fusion_head) if fusion_head is not None else None
        self._check_heads()

    def loss(self, batch_inputs: Tensor, batch_data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the losses of all heads.

        Args:
            batch_inputs: Images, shape ``(B, 3, H, W)``.
            batch_data_samples: Samples with what the heads learn from, ``gt_instances`` and ``gt_sem_seg``.

        Returns:
            The mask head's losses and ``loss_semantic``, ``loss_semantic_dice``.
        """
        mask_input, semantic_input = self.head_inputs(self.extract_feat(batch_inputs))
        losses = {}
        for head, features in ((self.mask_head, mask_input), (self.semantic_head, semantic_input)):
            if head is not None:
                losses.update(head.loss(features, batch_data_samples))
        return losses

    def predict(self, batch_inputs: Tensor, batch_data_samples: SampleList, rescale: bool = True) -> SampleList:
        """Predict instances, semantic and panoptic maps, as far as there are heads for them.

        Args:
            batch_inputs: Images, shape ``(B, 3, H, W)``.
            batch_data_samples: Samples with ``img_shape`` and ``ori_shape``; ground truth is not needed.
            rescale: Whether results are given at ``ori_shape`` or at ``img_shape``.

        Returns:
            The samples with ``pred_instances``, things only once islands of stuff are fused; ``pred_sem_seg``, int64
            labels of shape ``(1, H, W)``; ``pred_panoptic_seg``, see :meth:`PanopticSOLOFusionHead.predict`.
        """
        instances, maps = self.predict_heads(batch_inputs, batch_data_samples, rescale)
        if instances is not None:
            batch_data_samples = self.add_pred_to_datasample(batch_data_samples, instances)
        if maps is not None:
            for sample, semantic in zip(batch_data_samples, maps, strict=True):
                self.add_maps(sample, semantic)
        return batch_data_samples

    def predict_heads(
        self, batch_inputs: Tensor, batch_data_samples: SampleList, rescale: bool = True
    ) -> tuple[list[InstanceData] | None, list[SemanticMaps] | None]:
        """Predict what each head gives by itself, before fusion.

        Args:
            batch_inputs: As in :meth:`predict`.
            batch_data_samples: As in :meth:`predict`.
            rescale: As in :meth:`predict`.

        Returns:
            Instances and semantic maps per image; None for the head that there is not.
        """
        mask_input, semantic_input = self.head_inputs(self.extract_feat(batch_inputs))
        instances = maps = None
        if self.mask_head is not None:
            instances = self.mask_head.predict(mask_input, batch_data_samples, rescale=rescale)
        if self.semantic_head is not None:
            metas = [sample.metainfo for sample in batch_data_samples]
            maps = self.semantic_head.predict(semantic_input, metas, rescale=rescale)
        return instances, maps

    def add_maps(self, sample: DetDataSample, semantic: SemanticMaps) -> None:
        """Add semantic and panoptic map to a sample that has its instances, which the fusion may change.

        Args:
            sample: With ``pred_instances`` if there is a mask head; changed in place.
            semantic: Maps of the instances' size.
        """
        panoptic_map = None
        if self.fusion_head is not None:
            instances = no_instances(semantic.labels)
            if self.mask_head is not None:
                instances = sample.pred_instances = self.fusion_head.vote(sample.pred_instances, semantic)
            sample.pred_panoptic_seg = self.fusion_head.predict(instances, semantic)
            panoptic_map = sample.pred_panoptic_seg.sem_seg[0]
            if self.mask_head is not None and self.mask_head.num_classes > self.fusion_head.num_things:
                # Islands of stuff have become stuff, and metrics of instances know no such labels.
                sample.pred_instances = instances[instances.labels < self.fusion_head.num_things]
        merged = self.semantic_head.merge_things
        labels = name_unknown_things(semantic, panoptic_map) if merged else semantic.labels
        sample.pred_sem_seg = PixelData(sem_seg=labels[None])

    def _forward(self, batch_inputs: Tensor, batch_data_samples: OptSampleList = None) -> tuple:
        """Run the heads without post-processing: the mask head's outputs, then the semantic logits."""
        mask_input, semantic_input = self.head_inputs(self.extract_feat(batch_inputs))
        pairs = ((self.mask_head, mask_input), (self.semantic_head, semantic_input))
        return tuple(head(features) for head, features in pairs if head is not None)

    def head_inputs(self, x: Sequence[Tensor]) -> tuple[Sequence[Tensor] | AlignedPyramid, Sequence[Tensor]]:
        """Give what the mask head and the semantic head compute on: the pyramid, or a mask tower that both share."""
        if not getattr(self.semantic_head, 'needs_mask_features', False):
            return x, x
        pyramid = self.mask_head.run_tower(x)
        return pyramid, pyramid.mask_features

    def _check_heads(self) -> None:
        semantic, fusion = self.semantic_head, self.fusion_head
        if semantic is None:
            return
        if getattr(semantic, 'needs_mask_features', False):
            semantic.check_mask_head(self.mask_head)
        counts = semantic.num_things, semantic.num_stuff
        if fusion is not None and (fusion.num_things, fusion.num_stuff) != counts:
            raise ConfigError(
                f'model.semantic_head has num_things = {counts[0]}, num_stuff = {counts[1]}, but model.fusion_head has '
                f'{fusion.num_things} and {fusion.num_stuff}: give both the same'
            )
        if fusion is not None and semantic.merge_things:
            self._check_merged_things(fusion)
        if self.mask_head is not None and self.mask_head.num_classes == 0:
            raise ConfigError('model.mask_head.num_classes = 0: leave model.mask_head out where there are no things')
        if self.mask_head is not None and self.mask_head.num_classes not in (counts[0], sum(counts)):
            raise ConfigError(
                f'model.mask_head.num_classes = {self.mask_head.num_classes}, but should be the '
                f'{counts[0]} of model.semantic_head.num_things, or {sum(counts)} (things and stuff) if islands of '
                'stuff are learnt as instances'
            )

    @staticmethod
    def _check_merged_things(fusion: nn.Module) -> None:
        for key in ('min_agreement', 'min_vote', 'semantic_share'):
            if getattr(fusion, key, 0) > 0:
                raise ConfigError(
                    f'model.fusion_head.{key} compares classes of things, which '
                    'model.semantic_head.merge_things=True does not tell apart: set one of them to 0 or False'
                )


def said_count(model: Mapping[str, Any], key: str) -> int | None:
    """Find a number of classes in the config of a panoptic model.

    Args:
        model: Config of the model.
        key: ``'num_things'`` or ``'num_stuff'``.

    Returns:
        The model's own, or that of its semantic or fusion head; None if none says it.
    """
    owners = (model, model.get('semantic_head'), model.get('fusion_head'))
    return next((owner[key] for owner in owners if owner and owner.get(key) is not None), None)


def _with_counts(head: OptConfigType, name: str, **counts: int | None) -> OptConfigType:
    """Fill numbers of classes in where a head's config does not say them.

    Raises:
        ConfigError: If nothing says one of them.
    """
    if head is None:
        return None
    head = {**counts, **{key: value for key, value in head.items() if value is not None or key not in counts}}
    missing = [key for key in counts if head[key] is None]
    if missing:
        raise ConfigError(f'model.{name} has no {missing[0]}: set model.num_things and num_stuff. {CLASSES_OF_DATA}')
    return head


def name_unknown_things(semantic: SemanticMaps, panoptic_map: Tensor | None) -> Tensor:
    """Give pixels of a merged thing channel a class: that of the fused thing there, or else the best stuff class.

    Args:
        semantic: Maps with ``VOID_LABEL`` for things of unknown class.
        panoptic_map: Values ``label + 1000 * k``, shape ``(H, W)``, or None if nothing was fused.

    Returns:
        Labels, int64, shape ``(H, W)``.
    """
    named = semantic.stuff
    if panoptic_map is not None:
        named = torch.where(panoptic_map >= INSTANCE_OFFSET, panoptic_map % INSTANCE_OFFSET, named)
    return torch.where(semantic.labels == VOID_LABEL, named, semantic.labels)


def no_instances(like: Tensor) -> InstanceData:
    """Give the instances of an image without any, on a map of shape ``(H, W)``."""
    return InstanceData(
        masks=like.new_zeros(0, *like.shape, dtype=torch.bool),
        scores=like.new_zeros(0, dtype=torch.float32),
        labels=like.new_zeros(0, dtype=torch.int64),
    )
