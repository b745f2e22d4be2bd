"""Objects of another image on top of an image, with panoptic ground truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmdet.registry import TRANSFORMS

from mmdet_panseg.errors import ConfigError

from .mixing import Layer, MixingTransform, compose_layers, mask_crops
from .scaled_window import ScaledWindow, read_positions


@TRANSFORMS.register_module()
class PanopticCopyPaste(MixingTransform):
    """Paste objects of another image on top, with instances, semantic map and panoptic ids.

    What mmdet's ``CopyPaste`` does to instances ([Ghiasi et al. 2021](https://arxiv.org/abs/2012.07177)), this does to
    the semantic map as well, and images may differ in size. What is covered is cut out of the objects below; those of
    which nothing is left are dropped and boxes are those of the masks that are left. Crowds and ignored objects are not
    pasted, nor is stuff.

    Stands in the pipeline of mmdet's ``MultiImageMixDataset``, before ``FixClassGT``. Images are pasted as large as
    they are, so the data set resizes them, not the transforms around::

        dataset=dict(
            type='MultiImageMixDataset',
            dataset=dict(type='CheckedCocoPanopticDataset', ..., pipeline=[*load_image, *load_segments, *resize]),
            pipeline=[dict(type='PanopticCopyPaste', prob=0.5), *flip, *targets, *pack],
        )

    Required keys: ``img``, ``mix_results`` and ``gt_seg_map`` with ``gt_segments``, or ``gt_masks``, ``gt_bboxes``,
    ``gt_bboxes_labels`` and ``gt_ignore_flags``, with or without ``gt_seg_map`` as a semantic map. Modified keys:
    these; masks become ``BoxedMasks``.

    Args:
        max_num_pasted: Objects that are pasted at most; how many up to this is random, at least one.
        selected: Whether to paste some of the objects; otherwise all are pasted.
        scale_range: Lowest and highest scale of the image that is pasted from. Smaller or larger than the image below,
            it is put in a random place.
        flip_prob: How often the objects are mirrored from left to right.
        prob: Share of the images that get objects; for the others no partner is loaded.
    """

    num_partners = 1

    def __init__(
        self,
        max_num_pasted: int = 100,
        selected: bool = True,
        scale_range: Sequence[float] = (1.0, 1.0),
        flip_prob: float = 0.0,
        prob: float = 1.0,
    ) -> None:
        if max_num_pasted < 1:
            raise ValueError(f'PanopticCopyPaste: max_num_pasted must be at least 1, not {max_num_pasted}')
        if not 0 < scale_range[0] <= scale_range[1]:
            raise ValueError(f'PanopticCopyPaste: scale_range must be ascending and above 0, not {scale_range}')
        if not 0 <= flip_prob <= 1:
            raise ValueError(f'PanopticCopyPaste: flip_prob must be within 0 and 1, not {flip_prob}')
        super().__init__(prob)
        self.max_num_pasted = max_num_pasted
        self.selected = selected
        self.scale_range = scale_range
        self.flip_prob = flip_prob

    def mix(self, results: dict, partners: list[dict]) -> dict:
        """Paste objects of the sample's partner on top of it."""
        (source,) = partners
        size = results['img'].shape[:2]
        window = self._random_window(source['img'].shape[:2], size)
        chosen = self._chosen(source)
        pasted = _visible(source, window, chosen)
        covered = np.zeros(size, bool)
        covered[window.place] = pasted
        whole = ScaledWindow(0, 0, *(np.arange(side) for side in size))
        return compose_layers(results, [Layer(results, whole, ~covered), Layer(source, window, pasted, chosen)], size)

    def _random_window(self, size: tuple[int, int], canvas: tuple[int, int]) -> ScaledWindow:
        """Scale, place and perhaps mirror an image at random; give what the canvas shows of it."""
        scale = np.random.uniform(*self.scale_range)
        places, positions = [], []
        for length, side in zip(size, canvas, strict=True):
            scaled = max(round(length * scale), 1)
            place, start = np.random.randint(max(side - scaled, 0) + 1), np.random.randint(max(scaled - side, 0) + 1)
            places.append(place)
            positions.append(read_positions(length, scaled, start, min(scaled, side)))
        if np.random.rand() < self.flip_prob:
            positions[1] = size[1] - 1 - positions[1]
        return ScaledWindow(*places, *positions)

    def _chosen(self, source: dict) -> np.ndarray:
        """Rows of the segments, or indices of the instances, that are pasted."""
        if 'gt_segments' in source:
            table = source['gt_segments']
            candidates = np.flatnonzero(table.is_instance & table.is_thing)
        elif 'gt_masks' in source:
            candidates = np.flatnonzero(~source['gt_ignore_flags'].astype(bool))
        else:
            raise ConfigError(
                f'{type(self).__name__} needs objects: put LoadPanopticSegments or LoadAnnotations(with_bbox=True, '
                "with_mask=True) into the data set's pipeline."
            )
        if not self.selected or not len(candidates):
            return candidates
        count = np.random.randint(min(len(candidates), self.max_num_pasted)) + 1
        return np.random.choice(candidates, count, replace=False)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(max_num_pasted={self.max_num_pasted}, selected={self.selected}, '
            f'scale_range={self.scale_range}, flip_prob={self.flip_prob}, prob={self.prob})'
        )


def _visible(source: dict, window: ScaledWindow, chosen: np.ndarray) -> np.ndarray:
    """Pixels of a window that belong to chosen objects, bool, shape (h, w)."""
    if 'gt_segments' in source:
        of_chosen = np.zeros(len(source['gt_segments']), bool)
        of_chosen[chosen] = True
        return of_chosen[window.labels(source['gt_seg_map'])]
    visible = np.zeros((len(window.rows), len(window.columns)), bool)
    for _, part, mask in window.masks(mask_crops(source).select(chosen)):
        visible[part] |= mask
    return visible
