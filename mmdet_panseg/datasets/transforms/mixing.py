"""Samples that are mixed of several images, with all of their ground truth."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet.structures.bbox import HorizontalBoxes

from mmdet_panseg.datasets.errors import DatasetError
from mmdet_panseg.errors import ConfigError
from mmdet_panseg.ops import VOID_LABEL, VOID_ROW, MaskCrops, join_segments, joined_crops
from mmdet_panseg.structures import BoxedMasks

from .scaled_window import ScaledWindow


@dataclass(frozen=True)
class Layer:
    """What one image gives to a mixed one.

    Attributes:
        sample: Loaded sample.
        window: Part of its image, and the place of this part.
        visible: Which pixels of the window are seen, bool, shape (h, w).
        objects: Indices of the instances that come along, if these are separate masks; None for all.
    """

    sample: dict
    window: ScaledWindow
    visible: np.ndarray
    objects: np.ndarray | None = None

    def masks(self) -> MaskCrops:
        """Masks of the instances that come along, in the whole image."""
        masks = mask_crops(self.sample)
        return masks if self.objects is None else masks.select(self.objects)


def compose_layers(results: dict, layers: list[Layer], size: tuple[int, int]) -> dict:
    """Mix images whose visible pixels do not overlap.

    Pixels and labels travel together: a pixel has the class, segment and instances that it had in its image. Instances
    of which nothing is seen are dropped, and boxes are those of what is seen. What no layer covers is black and void.

    Args:
        results: Sample whose other keys the mixed one keeps.
        layers: The images.
        size: Height and width of the mixed image.

    Returns:
        The mixed sample, with ``img``, ``img_shape`` and the ground truth that ``results`` has: ``gt_seg_map`` and
        ``gt_segments``, or ``gt_seg_map`` as semantic map, and instances with ``BoxedMasks``.
    """
    mixed = {key: value for key, value in results.items() if key != 'mix_results'}
    image = results['img']
    mixed['img'] = np.zeros((*size, *image.shape[2:]), image.dtype)
    mixed['img_shape'] = size
    for layer in layers:
        seen = layer.visible.reshape(*layer.visible.shape, *[1] * (image.ndim - 2))
        np.copyto(mixed['img'][layer.window.place], layer.window.pixels(layer.sample['img']), where=seen)
    if results.get('gt_seg_map') is not None:
        maps = [layer.window.labels(layer.sample['gt_seg_map']) for layer in layers]
        void = VOID_LABEL
        if 'gt_segments' in results:
            void = VOID_ROW
            hidden = [np.where(layer.visible, part, void) for layer, part in zip(layers, maps, strict=True)]
            maps, mixed['gt_segments'] = join_segments(hidden, [layer.sample['gt_segments'] for layer in layers])
        mixed['gt_seg_map'] = np.full(size, void, maps[0].dtype)
        for layer, part in zip(layers, maps, strict=True):
            np.copyto(mixed['gt_seg_map'][layer.window.place], part, where=layer.visible)
    if 'gt_masks' in results and 'gt_segments' not in results:
        mixed.update(_instances(layers, size))
    return mixed


def _instances(layers: list[Layer], size: tuple[int, int]) -> dict:
    """Instances of all layers in the mixed image, in mmdet's keys."""
    placed, labels, ignored = [], [], []
    for layer in layers:
        kept = []
        for index, (lines, columns), mask in layer.window.masks(layer.masks()):
            seen = mask & layer.visible[lines, columns]
            ys, xs = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
            if len(ys):
                y, x = layer.window.top + lines.start, layer.window.left + columns.start
                crop = seen[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
                placed.append((crop, (int(x + xs[0]), int(y + ys[0]))))
                kept.append(index)
        own = np.array(kept, np.int64) if layer.objects is None else layer.objects[kept]
        labels.append(layer.sample['gt_bboxes_labels'][own])
        ignored.append(layer.sample['gt_ignore_flags'][own])
    crops = joined_crops(placed)
    return dict(
        gt_masks=BoxedMasks(crops, *size),
        gt_bboxes=HorizontalBoxes(torch.from_numpy(crops.windows.astype(np.float32))),
        gt_bboxes_labels=np.concatenate(labels),
        gt_ignore_flags=np.concatenate(ignored),
    )


def mask_crops(sample: dict) -> MaskCrops:
    """Give the masks of a sample, of whichever kind, in their windows."""
    return BoxedMasks.of(sample['gt_masks']).crops


class MixingTransform(BaseTransform):
    """Base of transforms that mix an image with others, in the pipeline of mmdet's ``MultiImageMixDataset``.

    Args:
        prob: Share of the images that are mixed; for the others no partners are loaded.
    """

    num_partners: int

    def __init__(self, prob: float) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f'{type(self).__name__}: prob must be within 0 and 1, not {prob}')
        self.prob = prob

    def get_indexes(self, dataset: Sequence) -> list[int]:
        """Choose the images to mix with, or none if this one is not to be mixed."""
        if np.random.rand() >= self.prob:
            return []
        return np.random.randint(len(dataset), size=self.num_partners).tolist()

    def transform(self, results: dict) -> dict:
        """Mix one sample with its partners, if it has any.

        Raises:
            ConfigError: If the transform does not stand where it can work.
            DatasetError: If ground truth has another size than its image.
        """
        partners = self._partners(results)
        return self.mix(results, partners) if partners else results

    @abstractmethod
    def mix(self, results: dict, partners: list[dict]) -> dict:
        """Mix one sample with ``num_partners`` others."""

    def _partners(self, results: dict) -> list[dict]:
        """Give the samples to mix with; none if ``get_indexes`` has chosen none."""
        user = type(self).__name__
        if 'mix_results' not in results:
            raise ConfigError(
                f'{user} mixes several images and has only one: put it into the pipeline of a MultiImageMixDataset, '
                'around the data set.'
            )
        partners = results['mix_results']
        if not partners:
            return []
        if len(partners) != self.num_partners:
            raise ConfigError(f'{user}: mix_results has {len(partners)} samples, it takes {self.num_partners}.')
        loaded = _loaded_keys(results)
        for sample in (results, *partners):
            if 'gt_areas' in sample:
                raise ConfigError(f'{user} mixes masks before FixClassGT: move FixClassGT behind it.')
            if 'gt_bboxes' in sample and 'gt_masks' not in sample:
                raise ConfigError(f"{user} needs gt_masks: set with_mask=True in the data set's LoadAnnotations.")
            if _loaded_keys(sample) != loaded:
                raise DatasetError(
                    f"{user}: '{sample.get('img_path')}' has {_loaded_keys(sample)} loaded and "
                    f"'{results.get('img_path')}' {loaded}: images that are mixed need the same annotations."
                )
            _require_size_of_image(sample, user)
        return partners


def _loaded_keys(sample: dict) -> list[str]:
    return [key for key in ('gt_seg_map', 'gt_segments', 'gt_masks') if sample.get(key) is not None]


def _require_size_of_image(sample: dict, user: str) -> None:
    size = sample['img'].shape[:2]
    sizes = {}
    if sample.get('gt_seg_map') is not None:
        sizes['gt_seg_map'] = sample['gt_seg_map'].shape
    if 'gt_masks' in sample:
        sizes['gt_masks'] = (sample['gt_masks'].height, sample['gt_masks'].width)
    for key, found in sizes.items():
        if tuple(found) != size:
            raise DatasetError(
                f"{user}: '{sample.get('img_path')}': {key} has height and width {tuple(found)}, the image {size}; put "
                'LoadPanopticSegments or LoadAnnotations before Resize and its like.'
            )
