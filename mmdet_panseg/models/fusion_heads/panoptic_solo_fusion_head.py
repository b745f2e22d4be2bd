"""Configuration of the panoptic fusion."""

from __future__ import annotations

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from mmengine.structures import InstanceData, PixelData

from mmdet_panseg.models.heads.semantic.semantic_head import SemanticMaps
from mmdet_panseg.ops import (
    PanopticSegments,
    chosen_ious,
    fuse_panoptic,
    greedy_mask_nms,
    majority_labels,
    mean_mask_probabilities,
)


@MODELS.register_module()
class PanopticSOLOFusionHead(BaseModule):
    """Fuse instances and semantic maps by :func:`~mmdet_panseg.ops.fuse_panoptic`; without weights.

    Args:
        num_things: Number of thing classes.
        num_stuff: Number of stuff classes.
        score_thr: Instances below this score are left out.
        min_visible: Least fraction of an instance that better ones must leave free.
        min_thing_area: Least number of pixels of an instance that must be free.
        min_stuff_area: Stuff segments with fewer pixels become void; for COCO's image sizes 4096 is usual.
        min_agreement: Least fraction of an instance where the semantic map has its class; 0 trusts the instances.
        unclaimed: What pixels become that are a thing to the semantic branch and are in no instance: ``'void'``, or
            ``'stuff'`` for the best stuff class.
        min_vote: Instances take the thing class that the semantic map has most often in their mask, if it has it in
            this fraction of the mask, see :meth:`vote`; 0 trusts the mask head's classes.
        semantic_share: Share of the semantic branch in the scores of things, see :meth:`vote`; 0 leaves them as they
            are, 0.5 is the geometric mean of both.
        stuff_instances: Whether instances of stuff classes, which are learnt from islands, take their pixels from the
            semantic map; False leaves stuff to it alone.

    Raises:
        ValueError: If ``unclaimed`` is unknown, or ``min_vote`` or ``semantic_share`` is no fraction.
    """

    def __init__(
        self,
        num_things: int,
        num_stuff: int,
        score_thr: float = 0.3,
        min_visible: float = 0.5,
        min_thing_area: int = 0,
        min_stuff_area: int = 4096,
        min_agreement: float = 0.0,
        unclaimed: str = 'void',
        min_vote: float = 0.0,
        semantic_share: float = 0.0,
        stuff_instances: bool = True,
    ) -> None:
        super().__init__()
        if unclaimed not in ('void', 'stuff'):
            raise ValueError(f"{type(self).__name__}: unclaimed must be 'void' or 'stuff', not {unclaimed!r}")
        for name, value in dict(min_vote=min_vote, semantic_share=semantic_share).items():
            if not 0 <= value <= 1:
                raise ValueError(f'{type(self).__name__}: {name} is a fraction from 0 to 1, not {value!r}')
        self.num_things = num_things
        self.num_stuff = num_stuff
        self.score_thr = score_thr
        self.min_visible = min_visible
        self.min_thing_area = min_thing_area
        self.min_stuff_area = min_stuff_area
        self.min_agreement = min_agreement
        self.unclaimed = unclaimed
        self.min_vote = min_vote
        self.semantic_share = semantic_share
        self.stuff_instances = stuff_instances

    def vote(self, instances: InstanceData, semantic: SemanticMaps) -> InstanceData:
        """Let the semantic branch correct the classes and the scores of an image's instances.

        Classes are corrected by falling score. What the mask head took for two objects of different classes may turn
        out to be one: of instances that the vote brings into one class and that overlap by more than half of their
        union, the best is kept. The score of a thing then becomes ``score^(1 - share) * p^share`` with p, the mean
        probability of its class inside its mask.

        Args:
            instances: ``masks`` (N, H, W), ``scores`` (N,), ``labels`` (N,) and what else they have.
            semantic: Maps of the same size.

        Returns:
            The instances that are left, with their new ``labels`` and ``scores``, by falling score; all of them as they
            are if ``min_vote`` and ``semantic_share`` are 0.
        """
        if self.min_vote > 0:
            instances = self._correct_classes(_by_falling_score(instances), semantic)
        if self.semantic_share > 0:
            instances = _by_falling_score(self._correct_scores(instances, semantic))
        return instances

    def _correct_classes(self, instances: InstanceData, semantic: SemanticMaps) -> InstanceData:
        own = instances.labels
        instances.labels = majority_labels(
            instances.masks, own, semantic.labels, num_things=self.num_things, min_vote=self.min_vote
        )
        brought_together = (instances.labels[:, None] == instances.labels) & (own[:, None] != own)
        return instances[greedy_mask_nms(chosen_ious(instances.masks, brought_together), instances.labels)]

    def _correct_scores(self, instances: InstanceData, semantic: SemanticMaps) -> InstanceData:
        means = mean_mask_probabilities(instances.masks, semantic.logits.softmax(dim=0))
        own = means.gather(1, instances.labels.clamp(max=means.shape[1] - 1)[:, None])[:, 0]
        corrected = instances.scores ** (1 - self.semantic_share) * own**self.semantic_share
        instances.scores = torch.where(instances.labels < self.num_things, corrected, instances.scores)
        return instances

    def predict(self, instances: InstanceData, semantic: SemanticMaps) -> PixelData:
        """Fuse the results of an image.

        Args:
            instances: ``masks`` (N, H, W), ``scores`` (N,) and ``labels`` (N,).
            semantic: Maps of the same size.

        Returns:
            ``sem_seg``, int64, shape ``(1, H, W)``: ``label + 1000 * k``, void ``num_things + num_stuff``; its
            ``metainfo`` has ``segments_info``, a list of dicts with ``id``, ``category``, ``isthing``, ``score`` (None
            for stuff), ``area`` and ``bbox`` (x, y, width, height).
        """
        if not self.stuff_instances:
            instances = instances[instances.labels < self.num_things]
        panoptic_map, segments = fuse_panoptic(
            instances.masks,
            instances.scores,
            instances.labels,
            semantic.labels,
            num_things=self.num_things,
            num_stuff=self.num_stuff,
            score_thr=self.score_thr,
            min_visible=self.min_visible,
            min_thing_area=self.min_thing_area,
            min_stuff_area=self.min_stuff_area,
            min_agreement=self.min_agreement,
            unclaimed=self.unclaimed,
            stuff_map=semantic.stuff,
        )
        return PixelData(sem_seg=panoptic_map[None], metainfo=dict(segments_info=self._segments_info(segments)))

    def _segments_info(self, segments: PanopticSegments) -> list[dict]:
        table = torch.cat(
            [torch.stack([segments.values, segments.labels, segments.areas], dim=1), segments.boxes], dim=1
        ).tolist()
        return [
            dict(
                id=value,
                category=label,
                isthing=label < self.num_things,
                score=score if label < self.num_things else None,
                area=area,
                bbox=[x1, y1, x2 - x1, y2 - y1],
            )
            for (value, label, area, x1, y1, x2, y2), score in zip(table, segments.scores.tolist(), strict=True)
        ]


def _by_falling_score(instances: InstanceData) -> InstanceData:
    return instances[instances.scores.sort(descending=True, stable=True).indices]
