"""Masks of the candidate cells, their scores and what is left of them after suppression."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any, NamedTuple

import torch
from mmdet.registry import TASK_UTILS
from mmdet.utils import OptConfigType
from torch import Tensor
from torch.nn import functional as F

from mmdet_panseg.errors import ConfigError, near_names
from mmdet_panseg.ops import (
    ViewMaps,
    distinct_indices,
    iou_from_intersections,
    mask_intersections,
    places_of,
)

from .image_masks import ImageMasks
from .mask_source import MaskSource
from .soft_instances import SoftInstances
from .supervision import RESIZED

# Of the masks that are compared and resized, in pixels of the input.
_MASK_STRIDE = 4
# Probabilities nearer to 0 or 1 than this have the same logit.
_EPS = 1e-6


class _Candidates(NamedTuple):
    """Pairs of a cell and a class, with the area of the cell's mask; each field has shape ``(N,)``."""

    scores: Tensor
    labels: Tensor
    cells: Tensor
    areas: Tensor

    def select(self, index: Tensor) -> _Candidates:
        return _Candidates(*(values[index] for values in self))


class CellMaskPredictor:
    """Turn class scores and masks of cells into instances.

    Candidates are the (cell, class) pairs above ``score_thr``. Their masks are computed a chunk at a time for area and
    maskness, then again for the ``nms_pre`` best, and again for the few that are kept, so that memory is bounded
    whatever the number of candidates is.

    Args:
        score_thr: Least class score of a candidate, as mmdet's ``test_cfg`` of SOLO has it, like those that follow.
        mask_thr: Probability from which a pixel belongs to a mask.
        filter_thr: Least score after suppression.
        nms_pre: Number of candidates that are compared with each other; -1 for all.
        max_per_img: Number of instances of an image; -1 for all.
        max_cells: Number of cells of an image, by their best score, that may have a mask; -1 for all. It bounds the
            time of a model that has learnt little yet.
        kernel: Of matrix NMS.
        sigma: Of matrix NMS.
        suppression: Component in place of matrix NMS, such as ``dict(type='GreedyMaskNMS')``.
        resize: Whether ``'probabilities'`` (mmdet) or ``'logits'`` are resized, to 1/4 of the input and to the image.
            Logits place a border between two pixels of 1/4, probabilities saturate at both.
        strides: The head's strides as configured; a mask must have more pixels at 1/4 scale than its level's stride.
        level_cells: Number of cells of each level.
        memory_budget: Bytes for one chunk.
    """

    def __init__(
        self,
        *,
        score_thr: float,
        mask_thr: float,
        filter_thr: float = 0.0,
        nms_pre: int = -1,
        max_per_img: int = -1,
        max_cells: int = -1,
        kernel: str = 'gaussian',
        sigma: float = 2.0,
        suppression: OptConfigType = None,
        resize: str = 'probabilities',
        strides: Sequence[int],
        level_cells: Sequence[int],
        memory_budget: int,
    ) -> None:
        for name, value in dict(score_thr=score_thr, mask_thr=mask_thr).items():
            if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= value <= 1:
                raise ConfigError(f'model.test_cfg.{name} = {value!r}, but should be a number from 0 to 1')
        if isinstance(sigma, bool) or not isinstance(sigma, Real) or sigma <= 0:
            raise ConfigError(f'model.test_cfg.sigma = {sigma!r}, but should be a number above 0')
        if suppression is not None and (not isinstance(suppression, Mapping) or 'type' not in suppression):
            raise ConfigError(
                f"model.test_cfg.suppression = {suppression!r}, but should be a component as dict(type='GreedyMaskNMS')"
            )
        for name, value in dict(nms_pre=nms_pre, max_per_img=max_per_img, max_cells=max_cells).items():
            if isinstance(value, bool) or not isinstance(value, Integral):
                raise ConfigError(f'model.test_cfg.{name} = {value!r}, but should be a whole number, -1 for no limit')
        for name, value, choices in (('kernel', kernel, ('gaussian', 'linear')), ('resize', resize, RESIZED)):
            if value not in choices:
                raise ConfigError(f'model.test_cfg.{name} = {value!r}, but should be one of {", ".join(choices)}')
        self.score_thr = score_thr
        self.mask_thr = mask_thr
        self.filter_thr = max(0.0, filter_thr)
        self.nms_pre = nms_pre
        self.max_per_img = max_per_img
        self.max_cells = max_cells
        self.suppression = TASK_UTILS.build(suppression or dict(type='MatrixNMS', kernel=kernel, sigma=sigma))
        self.resize = resize
        self.level_cells = level_cells
        self.num_cells = sum(level_cells)
        self.memory_budget = memory_budget
        # No repeat_interleave: heads are also built on the meta device, to be checked.
        strides_by_cell = ([stride] * count for stride, count in zip(strides, level_cells, strict=True))
        self.cell_strides = torch.tensor([stride for level in strides_by_cell for stride in level])

    @classmethod
    def from_test_cfg(cls, test_cfg: Mapping[str, Any], **of_head: Any) -> CellMaskPredictor:
        """Build the predictor of a head.

        Args:
            test_cfg: ``model.test_cfg`` of the config.
            **of_head: Arguments that the head supplies; ``test_cfg`` may replace the value of ``resize``.

        Returns:
            The predictor.

        Raises:
            ConfigError: If a setting is unknown, missing or out of range.
        """
        parameters = inspect.signature(cls).parameters
        settings = [name for name in parameters if name not in of_head or name == 'resize']
        for key in test_cfg:
            if key not in settings:
                listed = ', '.join(settings)
                near = near_names(key, settings)
                raise ConfigError(f'model.test_cfg has no setting {key!r}; it has {listed}.{near}')
        for name in ('score_thr', 'mask_thr'):
            if name not in test_cfg:
                raise ConfigError(f'model.test_cfg does not set {name}; write test_cfg=dict({name}=..., ...)')
        return cls(**{**of_head, **test_cfg})

    def best_cells(self, scores: Tensor) -> Tensor:
        """Leave scores to the best cells of each image alone, as ``max_cells`` says.

        Args:
            scores: Class scores of all cells, shape ``(B, cells, K)``.

        Returns:
            The scores, with zeros for the other cells.
        """
        if not 0 <= self.max_cells < scores.shape[1]:
            return scores
        best = scores.amax(dim=2)
        chosen = torch.zeros_like(best).scatter_(1, best.topk(self.max_cells, dim=1).indices, 1.0)
        return scores * chosen[:, :, None]

    def above_threshold(self, scores: Tensor) -> list[Tensor]:
        """Find the cells whose masks are needed.

        Args:
            scores: Class scores of all cells, shape ``(B, cells, K)``.

        Returns:
            Per image the ascending indices of the cells that have a candidate.
        """
        return [candidates.nonzero().flatten() for candidates in (scores > self.score_thr).any(dim=2)]

    def __call__(
        self,
        scores: Tensor,
        sources: Sequence[MaskSource],
        size: tuple[int, int],
        metas: Sequence[dict],
        rate: Callable[[int, Tensor, Tensor], Tensor] | None = None,
    ) -> Iterator[SoftInstances]:
        """Predict the instances of a batch, image by image.

        Args:
            scores: Class scores of all cells, shape ``(B, cells, K)``.
            sources: The cells of :meth:`above_threshold`, by level and image.
            size: Height and width at which masks of different levels are compared.
            metas: Meta information per image, with ``img_shape``.
            rate: Called with the index of an image, soft masks ``(n, H, W)`` and the class scores of their cells
                ``(n, K)``, gives the scores that take their place.

        Yields:
            The instances of an image, by falling score.
        """
        for image, (cells, meta) in enumerate(zip(self.above_threshold(scores), metas, strict=True)):
            masks = ImageMasks(sources, image, self.level_cells, size, self.resize, self.memory_budget)
            crop = tuple(meta['img_shape'][:2])
            yield self.instances(scores[image], cells, masks, crop, rate and partial(rate, image))

    def instances(
        self,
        scores: Tensor,
        cells: Tensor,
        masks: ImageMasks,
        crop: tuple[int, int],
        rate: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> SoftInstances:
        """Predict the instances of an image.

        Args:
            scores: Class scores of all cells, shape ``(cells, K)``.
            cells: Ascending cells whose masks are looked at, among them all with a score above the threshold.
            masks: Their masks.
            crop: Height and width of the image within the network's input, in pixels.
            rate: As in :meth:`__call__`, for this image.

        Returns:
            The instances, by falling score.
        """
        candidates = self._suppress(self._score_masks(scores, cells, masks, rate), masks)
        return self._with_soft_masks(candidates, masks, crop)

    def _with_soft_masks(self, candidates: _Candidates, masks: ImageMasks, crop: tuple[int, int]) -> SoftInstances:
        """Compute the masks of the candidates again, in what is resized: logits or probabilities."""
        cells = distinct_indices(candidates.cells, self.num_cells)
        soft_masks, threshold = masks.all(cells), self.mask_thr
        if self.resize == 'logits':
            soft_masks, threshold = soft_masks.logit(eps=_EPS), float(torch.tensor(threshold).logit(eps=_EPS))
        soft_masks = soft_masks[places_of(cells, self.num_cells)[candidates.cells]]
        return SoftInstances(candidates.scores, candidates.labels, ViewMaps(soft_masks, _MASK_STRIDE, crop), threshold)

    def _score_masks(
        self,
        scores: Tensor,
        chosen: Tensor,
        masks: ImageMasks,
        rate: Callable[[Tensor, Tensor], Tensor] | None,
    ) -> _Candidates:
        """Drop masks that are too small and multiply scores by maskness, the mean probability inside the mask.

        Arguments as in :meth:`instances`, which calls the chosen cells ``cells``.
        """
        areas, masses, rated = [], [], []
        for numbers, probabilities in masks.chunks(chosen):
            area, mass = _area_with_mass(probabilities, self.mask_thr)
            areas.append(area)
            masses.append(mass)
            if rate:
                rated.append(rate(probabilities, scores[numbers]))
        cells, labels = (scores > self.score_thr).nonzero(as_tuple=True)
        mask_of_candidate = places_of(chosen, self.num_cells)[cells]
        own = torch.cat(rated)[mask_of_candidate, labels] if rate else scores[cells, labels]
        area, mass = torch.cat(areas)[mask_of_candidate], torch.cat(masses)[mask_of_candidate]
        keep = area > self.cell_strides.to(cells.device)[cells]
        return _Candidates((own * mass / area)[keep], labels[keep], cells[keep], area[keep])

    def _suppress(self, candidates: _Candidates, masks: ImageMasks) -> _Candidates:
        """Keep the best, let overlapping ones decay, and keep the best of these."""
        candidates = _best_first(candidates, self.nms_pre)
        cells = distinct_indices(candidates.cells, self.num_cells)
        mask_of_candidate = places_of(cells, self.num_cells)[candidates.cells]
        binary = torch.cat([chunk.probabilities > self.mask_thr for chunk in masks.chunks(cells)])
        intersections = self._intersections(binary)[mask_of_candidate][:, mask_of_candidate]
        ious = iou_from_intersections(intersections, candidates.areas)
        factors = self.suppression.factors(ious, candidates.labels)
        scores = candidates.scores * factors
        keep = (factors > 0) & (scores >= self.filter_thr)
        return _best_first(candidates._replace(scores=scores).select(keep), self.max_per_img)

    def _intersections(self, masks: Tensor) -> Tensor:
        """Count the pixels that each pair of masks shares, ``(N, H, W)`` to ``(N, N)``."""
        return mask_intersections(masks)


def _area_with_mass(probabilities: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Count the pixels above the threshold and give the sum of their probabilities, each ``(N,)``."""
    # What is not above the threshold becomes zero; a threshold of zero or more keeps the count right.
    inside = F.threshold(probabilities, threshold, 0.0)
    return inside.count_nonzero(dim=(1, 2)).float(), inside.sum(dim=(1, 2))


def _best_first(candidates: _Candidates, count: int) -> _Candidates:
    """Sort by falling score; keep ``count`` of them if it is above zero."""
    scores, order = candidates.scores.sort(descending=True)
    order = order[:count] if count > 0 else order
    return candidates.select(order)
