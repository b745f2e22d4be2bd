"""Instances, semantic and panoptic maps of several views of an image, merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample, SampleList
from mmdet.structures.bbox import bbox_flip
from mmdet.utils import ConfigType
from mmengine.model import BaseTTAModel
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmdet_panseg.ops import (
    averaged_masks,
    averaged_rows,
    boxes_from_masks,
    cell_positions,
    iou_from_intersections,
    mask_intersections,
    masks_per_chunk,
    match_views,
    mean_scores,
    sampled_maps,
)

from .view_prediction import ViewPrediction, predict_view


@MODELS.register_module()
class PanopticTTAModel(BaseTTAModel):
    """Test a model on several views of an image, mirrored or of other scales, and merge what it finds.

    Instances of a class that different views have of one object are brought together (:func:`match_views`). Their
    masks are averaged as what the head resizes, logits or probabilities, and so are their scores, which fall with the
    share of views that lack the object. Semantic logits are averaged, and the fusion head makes one panoptic map of the
    merged parts.

    That is for ``PanopticSOLO``, and for mmdet's ``SOLO`` with a head of this package. Masks of mmdet's two-stage
    models are averaged as bytes at the size of the image, and their boxes too; binary masks of its other models vote.

    Args:
        module: Config of the model, or the model.
        data_preprocessor: As in mmengine's ``BaseTTAModel``.
        iou_threshold: Least overlap of the masks that views have of one object.
        absence_power: How much the score of an object falls that some views lack, see :func:`mean_scores`.
        max_per_img: Number of merged instances of an image; default that of the model's ``test_cfg``.
        memory_budget: Memory in MiB for the masks that are worked on at a time.
    """

    def __init__(
        self,
        module: ConfigType | nn.Module,
        data_preprocessor: ConfigType | nn.Module | None = None,
        iou_threshold: float = 0.5,
        absence_power: float = 0.25,
        max_per_img: int | None = None,
        memory_budget: float = 64,
    ) -> None:
        super().__init__(module=module, data_preprocessor=data_preprocessor)
        self.iou_threshold = iou_threshold
        self.absence_power = absence_power
        self.max_per_img = max_per_img
        self.memory_budget = int(memory_budget * 2**20)

    @torch.no_grad()
    def test_step(self, data: Mapping[str, Any]) -> SampleList:
        """Predict each view of a batch, and merge.

        Args:
            data: ``inputs`` and ``data_samples``, lists by view of lists by image, as ``TestTimeAug`` gives them.

        Returns:
            Sample per image with the merged results at the size of the image.
        """
        by_view = []
        for inputs, samples in zip(data['inputs'], data['data_samples'], strict=True):
            batch = self.module.data_preprocessor(dict(inputs=inputs, data_samples=samples), False)
            by_view.append(predict_view(self.module, batch['inputs'], batch['data_samples']))
        return self.merge_preds(list(zip(*by_view, strict=True)))

    def merge_preds(self, data_samples_list: Sequence[Sequence[ViewPrediction]]) -> SampleList:
        """Merge the views of each image.

        Args:
            data_samples_list: Per image the predictions for its views.

        Returns:
            Sample per image, that of its first view which is not mirrored.
        """
        return [self._merge_image(views) for views in data_samples_list]

    def _merge_image(self, views: Sequence[ViewPrediction]) -> DetDataSample:
        sample = next((view.sample for view in views if not view.sample.metainfo.get('flip')), views[0].sample)
        size = tuple(sample.metainfo['ori_shape'][:2])
        if views[0].instances is not None:
            sample.pred_instances = self._merge_instances(views, size)
        if views[0].semantic is not None:
            semantic = self.module.semantic_head.maps([view.semantic for view in views], size)
            self.module.add_maps(sample, semantic)
        return sample

    def _merge_instances(self, views: Sequence[ViewPrediction], size: tuple[int, int]) -> InstanceData:
        found = [view.instances for view in views]
        scores, labels = (torch.cat([getattr(own, key) for own in found]) for key in ('scores', 'labels'))
        owners = torch.cat([own.labels.new_full(own.labels.shape, view) for view, own in enumerate(found)])
        compared = self._comparable_masks(views)
        areas = compared.flatten(1).sum(dim=1).clamp(min=1)
        ious = iou_from_intersections(mask_intersections(compared), areas)
        members = match_views(ious, scores, labels, owners, len(views), iou_threshold=self.iou_threshold)
        merged = mean_scores(scores, members, self.absence_power)
        order = merged.sort(descending=True, stable=True).indices[: self._most_instances()]
        members = members[order]
        masks = averaged_masks(
            [own.masks for own in found],
            members,
            size,
            threshold=found[0].threshold,
            memory_budget=self.memory_budget,
        )
        result = InstanceData(scores=merged[order], labels=labels[members.amax(dim=1)], masks=masks)
        if views[0].boxes is None:
            result.bboxes = boxes_from_masks(masks).to(scores.dtype)
        else:
            boxes = [_boxes_of_image(view, size) for view in views]
            result.bboxes = averaged_rows(torch.cat(boxes), members)
        return result

    def _comparable_masks(self, views: Sequence[ViewPrediction]) -> Tensor:
        """Bring the masks of all views to the cells of the first one, bool, shape ``(sum of N, h, w)``."""
        places = cell_positions(views[0].instances.masks)
        step = masks_per_chunk((len(places[0]), len(places[1])), self.memory_budget)
        masks = []
        for _, (_, _, maps, threshold), _, _ in views:
            for start in range(0, max(1, len(maps.values)), step):
                part = maps.select(slice(start, start + step))
                masks.append(sampled_maps(part, *places) > threshold)
        return torch.cat(masks)

    def _most_instances(self) -> int | None:
        """Greatest number of merged instances of an image, None for all."""
        test_cfg = getattr(self.module, 'test_cfg', None) or {}
        limit = self.max_per_img or (test_cfg.get('rcnn') or test_cfg).get('max_per_img', -1)
        return limit if limit > 0 else None


def _boxes_of_image(view: ViewPrediction, size: tuple[int, int]) -> Tensor:
    flip = view.instances.masks.flip
    return bbox_flip(view.boxes, size, flip) if flip else view.boxes
