"""Four images in one, with panoptic ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from mmdet.registry import TRANSFORMS

from .mixing import Layer, MixingTransform, compose_layers
from .scaled_window import ScaledWindow, read_positions


@TRANSFORMS.register_module()
class PanopticMosaic(MixingTransform):
    """Put parts of four images around a random centre, with instances, semantic map and panoptic ids.

    The mixed image has the size that the network is trained at, so a step costs what it costs without. (mmdet's
    ``Mosaic`` makes one of twice the sides, and a crop must follow.) Each image is scaled, its sides in ratio, and a
    random part of it fills its quarter, so there is no padding. Objects are cut where their image is; those of which
    nothing is left are dropped and boxes are those of the masks that are left.

    Stands in the pipeline of mmdet's ``MultiImageMixDataset``, whose data set loads image and annotations, and before
    ``FixClassGT``::

        dataset=dict(
            type='MultiImageMixDataset',
            dataset=dict(type='CheckedCocoPanopticDataset', ..., pipeline=[*load_image, *load_segments]),
            pipeline=[dict(type='PanopticMosaic', img_scale=(320, 256), prob=0.5), *resize, *flip, *targets, *pack],
        )

    Required keys: ``img``, ``mix_results`` and any of: ``gt_seg_map`` and ``gt_segments``; ``gt_seg_map``, a semantic
    map; ``gt_masks``, ``gt_bboxes``, ``gt_bboxes_labels`` and ``gt_ignore_flags``. Modified keys: these, and
    ``img_shape``; masks become ``BoxedMasks``.

    Args:
        img_scale: Width and height of the mixed image in pixels.
        center_range: Lowest and highest place of the centre, as a share of width and height.
        scale_range: Lowest and highest scale of an image, 1 for the scale at which the whole of it fits into
            ``img_scale``. Those that would not fill their quarter are scaled until they do.
        prob: Share of the images that are mixed; of the others no partners are loaded.
    """

    num_partners = 3

    def __init__(
        self,
        img_scale: tuple[int, int] = (640, 640),
        center_range: Sequence[float] = (0.25, 0.75),
        scale_range: Sequence[float] = (0.5, 1.0),
        prob: float = 1.0,
    ) -> None:
        if min(img_scale) < 2:
            raise ValueError(f'PanopticMosaic: img_scale must be at least 2 pixels wide and high, not {img_scale}')
        if not 0 <= center_range[0] <= center_range[1] <= 1:
            raise ValueError(f'PanopticMosaic: center_range must be ascending within 0 and 1, not {center_range}')
        if not 0 < scale_range[0] <= scale_range[1]:
            raise ValueError(f'PanopticMosaic: scale_range must be ascending and above 0, not {scale_range}')
        super().__init__(prob)
        self.img_scale = img_scale
        self.center_range = center_range
        self.scale_range = scale_range

    def mix(self, results: dict, partners: list[dict]) -> dict:
        """Put parts of the sample and its three partners around a centre."""
        width, height = self.img_scale
        x, y = (min(max(round(side * np.random.uniform(*self.center_range)), 1), side - 1) for side in (width, height))
        layers = []
        places = product([(0, y), (y, height)], [(0, x), (x, width)])
        for sample, ((top, bottom), (left, right)) in zip((results, *partners), places, strict=True):
            part = (bottom - top, right - left)
            rows, columns = self._random_part(sample['img'].shape[:2], part)
            layers.append(Layer(sample, ScaledWindow(top, left, rows, columns), np.ones(part, bool)))
        return compose_layers(results, layers, (height, width))

    def _random_part(self, size: tuple[int, int], part: tuple[int, int]) -> list[np.ndarray]:
        """Rows and columns that a random part of a scaled image reads."""
        width, height = self.img_scale
        fitting = min(height / size[0], width / size[1])
        filling = max(side / length for side, length in zip(part, size, strict=True))
        scale = max(np.random.uniform(*self.scale_range) * fitting, filling)
        positions = []
        for length, count in zip(size, part, strict=True):
            scaled = max(round(length * scale), count)
            positions.append(read_positions(length, scaled, np.random.randint(scaled - count + 1), count))
        return positions

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(img_scale={self.img_scale}, center_range={self.center_range}, '
            f'scale_range={self.scale_range}, prob={self.prob})'
        )
