"""Masks of the candidate cells, their scores and what is left of them after suppression."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from mmdet.registry import TASK_UTILS
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor
from torch.nn import functional as F

from mmdet_panseg.ops import (
    boxes_from_masks,
    iou_from_intersections,
    level_bounds,
    mask_intersections,
    masks_per_chunk,
    resize_masks,
)

from .level_masks import LevelMasks

if TYPE_CHECKING:
    from mmdet_panseg.models.heads.sparse_solo_head import SparseSOLOHead


class _Candidates(NamedTuple):
    """Pairs of a cell and a class, with the area of the cell's mask; each field has shape ``(N,)``."""

    scores: Tensor
    labels: Tensor
    cells: Tensor
    areas: Tensor

    def select(self, index: Tensor) -> _Candidates:
        return _Candidates(*(values[index] for values in self))


class _ImageMasks:
    """Soft masks of an image's cells on demand, at one size for all levels (1/4 of the input).

    Args:
        head: Computes the masks of a level.
        features: Mask features by level, as the head gives them; levels without candidates are missing.
        cells: Every cell whose mask may be asked for, ascending, shape ``(N,)``.
        size: Height and width of the soft masks.
        config: The head's ``test_cfg``.
        memory_budget: Bytes for one chunk.
    """

    def __init__(
        self,
        head: SparseSOLOHead,
        features: dict[int, Any],
        cells: Tensor,
        size: tuple[int, int],
        config: ConfigDict,
        memory_budget: int,
    ) -> None:
        self.level_cells = head.level_cells
        self.size = size
        self.resize = config.get('resize', 'probabilities')
        self.memory_budget = memory_budget
        self.levels = {level: head.level_masks(features[level], level, part) for level, part in self._by_level(cells)}

    def chunks(self, cells: Tensor) -> Iterator[Tensor]:
        """Yield the probabilities of ascending cells, a chunk at a time, each ``(n, H, W)``."""
        for level, level_cells in self._by_level(cells):
            masks = self.levels[level]
            soft_masks = masks.prepare(level_cells, partial(self._probabilities, masks))
            for part in level_cells.split(masks_per_chunk(self.size, self.memory_budget, copies=masks.copies)):
                yield soft_masks(part)

    def all(self, cells: Tensor) -> Tensor:
        """Probabilities of ascending cells, shape ``(N, H, W)``."""
        return torch.cat(list(self.chunks(cells)))

    def _by_level(self, cells: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Yield the levels that ascending cells lie on, and the cells' indices within these."""
        bounds = level_bounds(cells, self.level_cells)
        for level, (low, high) in enumerate(zip(bounds[:-1], bounds[1:], strict=True)):
            if low < high:
                yield level, cells[low:high] - sum(self.level_cells[:level])

    def _probabilities(self, masks: LevelMasks, logits: Tensor) -> Tensor:
        logits = resize_masks(logits, masks.size)
        if self.resize == 'logits':
            return resize_masks(logits, self.size).sigmoid()
        return resize_masks(logits.sigmoid(), self.size)


class CellMaskPredictor:
    """Turn class scores and mask features into instances.

    Candidates are the (cell, class) pairs above ``score_thr``. Their masks are computed a chunk at a time for area and
    maskness, then again for the ``nms_pre`` best, and again for the few that are kept, so that memory is bounded
    whatever the number of candidates is.

    Args:
        config: mmdet's ``test_cfg`` of SOLO; also ``suppression`` (a component in place of matrix NMS) and ``resize``
            (``'probabilities'``, as mmdet does, or ``'logits'``).
        strides: The head's strides as configured; a mask must have more pixels at 1/4 scale than its level's stride.
        num_grids: Cells along each side of the grid, per level.
        memory_budget: Bytes for one chunk.
    """

    def __init__(
        self, config: ConfigDict, strides: Sequence[int], num_grids: Sequence[int], memory_budget: int
    ) -> None:
        self.config = config
        self.memory_budget = memory_budget
        matrix_nms = dict(type='MatrixNMS', kernel=config.get('kernel', 'gaussian'), sigma=config.get('sigma', 2.0))
        self.suppression = TASK_UTILS.build(config.get('suppression') or matrix_nms)
        self.cell_strides = torch.tensor(strides).repeat_interleave(torch.tensor(num_grids) ** 2)

    def __call__(
        self,
        head: SparseSOLOHead,
        levels: Any,
        scores: Tensor,
        metas: Sequence[dict],
        rescale: bool,
    ) -> list[InstanceData]:
        """Predict the instances of a batch.

        Args:
            head: Gives mask features and masks.
            levels: What the head computes mask features from.
            scores: Class scores of all cells, shape ``(B, cells, K)``.
            metas: Meta information per image, with ``img_shape`` and ``ori_shape``.
            rescale: Whether results are given at ``ori_shape``.

        Returns:
            Instances per image.
        """
        above = scores > self.config.score_thr
        features = self._mask_features(head, levels, above)
        size = head.mask_size(levels)
        results = []
        for image, meta in enumerate(metas):
            cells, labels = above[image].nonzero(as_tuple=True)
            masks = _ImageMasks(head, features[image], cells, size, self.config, self.memory_budget)
            results.append(self._predict_image(scores[image, cells, labels], labels, cells, masks, meta, rescale))
        return results

    def _mask_features(self, head: SparseSOLOHead, levels: Any, above: Tensor) -> list[dict[int, Any]]:
        """Run the mask tower for the images of each level that have a candidate there; features by image and level."""
        candidates = torch.stack([part.flatten(1).any(dim=1) for part in above.split(head.level_cells, dim=1)])
        features: list[dict[int, Any]] = [{} for _ in above]
        for level, chosen in enumerate(candidates.cpu()):
            images = chosen.nonzero().flatten().tolist()
            for image, mask_feature in head.mask_features_of(levels, level, images).items():
                features[image][level] = mask_feature
        return features

    def _predict_image(
        self, scores: Tensor, labels: Tensor, cells: Tensor, masks: _ImageMasks, meta: dict, rescale: bool
    ) -> InstanceData:
        candidates = self._score_masks(scores, labels, cells, masks)
        candidates = self._suppress(candidates, masks)
        kept_cells, mask_of_candidate = candidates.cells.unique(return_inverse=True)
        result = InstanceData()
        result.scores, result.labels = candidates.scores, candidates.labels
        result.masks = self._full_masks(kept_cells, mask_of_candidate, masks, meta, rescale)
        result.bboxes = boxes_from_masks(result.masks).to(scores.dtype)
        return result

    def _score_masks(self, scores: Tensor, labels: Tensor, cells: Tensor, masks: _ImageMasks) -> _Candidates:
        """Drop masks that are too small and multiply scores by maskness, the mean probability inside the mask."""
        unique_cells, mask_of_candidate = cells.unique(return_inverse=True)
        measures = [_area_with_mass(chunk, self.config.mask_thr) for chunk in masks.chunks(unique_cells)]
        if not measures:
            return _Candidates(scores, labels, cells, scores.new_zeros(0))
        areas = torch.cat([area for area, _ in measures])[mask_of_candidate]
        mass = torch.cat([mass for _, mass in measures])[mask_of_candidate]
        keep = areas > self.cell_strides.to(cells.device)[cells]
        maskness = mass[keep] / areas[keep]
        return _Candidates(scores[keep] * maskness, labels[keep], cells[keep], areas[keep])

    def _suppress(self, candidates: _Candidates, masks: _ImageMasks) -> _Candidates:
        """Keep the best, let overlapping ones decay, and keep the best of these."""
        config = self.config
        candidates = _best_first(candidates, config.get('nms_pre', -1))
        if len(candidates.scores) == 0:
            return candidates
        cells, mask_of_candidate = candidates.cells.unique(return_inverse=True)
        binary = torch.cat([chunk > config.mask_thr for chunk in masks.chunks(cells)])
        intersections = mask_intersections(binary)[mask_of_candidate][:, mask_of_candidate]
        ious = iou_from_intersections(intersections, candidates.areas)
        factors = self.suppression.factors(ious, candidates.labels)
        scores = candidates.scores * factors
        keep = (factors > 0) & (scores >= max(0.0, config.get('filter_thr', 0.0)))
        return _best_first(candidates._replace(scores=scores).select(keep), config.get('max_per_img', -1))

    def _full_masks(
        self, cells: Tensor, mask_of_candidate: Tensor, masks: _ImageMasks, meta: dict, rescale: bool
    ) -> Tensor:
        """Resize the masks of ascending cells to the image, in chunks; candidates may share one."""
        height, width = meta['img_shape'][:2]
        size = tuple(meta['ori_shape'][:2]) if rescale else (height, width)
        full = torch.zeros(len(mask_of_candidate), *size, dtype=torch.bool, device=cells.device)
        if len(cells) == 0:
            return full
        upsampled = (masks.size[0] * 4, masks.size[1] * 4)
        step = masks_per_chunk(max(size, upsampled, key=math.prod), self.memory_budget)
        soft_masks = masks.all(cells)[mask_of_candidate]
        for soft, part in zip(soft_masks.split(step), full.split(step), strict=True):
            soft = resize_masks(resize_masks(soft, upsampled)[:, :height, :width], size)
            torch.gt(soft, self.config.mask_thr, out=part)
        return full


def _area_with_mass(probabilities: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Number of pixels above the threshold, and the sum of their probabilities, each ``(N,)``."""
    # What is not above the threshold becomes zero; a threshold of zero or more keeps the count right.
    inside = F.threshold(probabilities, threshold, 0.0)
    return inside.count_nonzero(dim=(1, 2)).float(), inside.sum(dim=(1, 2))


def _best_first(candidates: _Candidates, count: int) -> _Candidates:
    """Sort by falling score; keep ``count`` of them if it is above zero."""
    scores, order = candidates.scores.sort(descending=True)
    order = order[:count] if count > 0 else order
    return candidates.select(order)
