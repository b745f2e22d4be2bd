"""Prediction on images that are larger than a network takes them: tile by tile, put together again."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData
from pycocotools import mask as coco_masks
from torch import Tensor, nn
from torch.nn import functional as F

from mmdet_panseg.engine.cpu_memory import hand_back_freed_memory
from mmdet_panseg.errors import ConfigError
from mmdet_panseg.models import PanopticSOLO
from mmdet_panseg.models.heads.semantic.semantic_head import SemanticMaps
from mmdet_panseg.ops import (
    INSTANCE_OFFSET,
    VOID_LABEL,
    BlendedRows,
    LogitBand,
    MergedInstances,
    TileInstances,
    ViewMaps,
    fuse_rle,
    merge_tile_instances,
    split_band,
    tile_starts,
)

from .prediction import ClassNames, Prediction
from .sample_reading import read_instances
from .sources import SourceImage
from .test_pipeline import InferencePipeline

Window = tuple[int, int, int, int]
OnRow = Callable[[int, int], None]

_MOST_OVERLAP = 0.5
_LEAST_TILE = 32
# Pixels of the maps that are computed at a time.
_BAND_PIXELS = 2**20


def require_tiling(tiles: int | None, overlap: float) -> None:
    """Refuse tiles that cannot be used.

    Raises:
        ConfigError: If they are too small, or overlap too much or not at all.
    """
    if tiles is not None and tiles < _LEAST_TILE:
        raise ConfigError(f'--tiles {tiles}: tiles have sides of at least {_LEAST_TILE} pixels.')
    if tiles is not None and not 0 < overlap <= _MOST_OVERLAP:
        raise ConfigError(
            f'--overlap {overlap}: must be above 0, as objects are joined by what two tiles see, and at most '
            f'{_MOST_OVERLAP}.'
        )


class Tiling:
    """Predict an image in overlapping tiles.

    Instances of neighbouring tiles that agree in what both see become one. Semantic logits are blended where tiles
    overlap, those of one row of tiles being kept, and maps are filled band by band. The panoptic map is fused from both
    by the settings of the model's fusion head; what this head does with semantic classes inside of instances (``vote``)
    is done in the tiles.

    Args:
        model: The model, in evaluation mode.
        pipeline: Its test pipeline, which resizes a tile as it does an image.
        classes: Its classes.
        tile: Side of the tiles in pixels.
        overlap: Least share of a side that neighbours have in common.
        score_thr: Least score of instances.
        batch_size: Number of tiles that are predicted at a time.
    """

    def __init__(
        self,
        model: nn.Module,
        pipeline: InferencePipeline,
        classes: ClassNames,
        tile: int,
        overlap: float,
        score_thr: float,
        batch_size: int,
    ) -> None:
        self.model, self.pipeline, self.classes = model, pipeline, classes
        self.tile, self.overlap, self.score_thr, self.batch_size = tile, overlap, score_thr, batch_size
        self.is_ours = isinstance(model, PanopticSOLO)
        self.semantic_head = model.semantic_head if self.is_ours else None
        self.fusion_head = model.fusion_head if self.is_ours else None

    def predict(self, image: SourceImage, on_row: OnRow | None = None) -> Prediction:
        """Predict on one image.

        Args:
            image: The image.
            on_row: Called with the number of a row of tiles and of all rows, before it is predicted.

        Returns:
            Its prediction.

        Raises:
            ConfigError: If the model does not give masks of instances, or semantic logits.
        """
        cell = self._cell(image)
        tile = max(cell, self.tile // cell * cell)
        rows, columns = (tile_starts(length, tile, self.overlap, cell) for length in image.size)
        maps = None if self.semantic_head is None else _Maps(self, image.size, cell)
        found: list[dict[str, Any]] = []
        windows: list[Window] = []
        for number, (row, next_row) in enumerate(zip(rows, [*rows[1:], None], strict=True), start=1):
            if on_row is not None:
                on_row(number, len(rows))
            corners = iter([(column, row) for column in columns])
            while batch := list(islice(corners, self.batch_size)):
                pixels = [_cut(image.pixels, corner, tile, cell) for corner in batch]
                for corner, part, (instances, semantic, covered) in zip(batch, pixels, self._run(pixels), strict=True):
                    windows.append((*corner, corner[0] + part.shape[1], corner[1] + part.shape[0]))
                    found.append(read_instances(instances, image.size, corner))
                    if maps is not None:
                        maps.add(semantic.logits, covered, corner, part.shape[:2])
            if maps is not None:
                maps.finish(next_row)
            hand_back_freed_memory()
        merged = merge_tile_instances(_together(found), windows)
        return self._put_together(image, merged, maps)

    def _cell(self, image: SourceImage) -> int:
        """Pixels of the image that a semantic logit stands for, 1 without a semantic head."""
        if self.semantic_head is None:
            return 1
        size = tuple(min(side, self.tile) for side in image.size)
        resized = self.pipeline(np.zeros((*size, *image.pixels.shape[2:]), np.uint8), image.name)
        scale = max(np.array(resized['data_samples'].img_shape[:2]) / size)
        return max(1, round(self.semantic_head.stride / scale))

    def _run(self, pixels: list[np.ndarray]) -> list[tuple[InstanceData, SemanticMaps | None, tuple[float, float]]]:
        """Predict on tiles: instances that may matter, maps, and how many rows and columns of logits a tile covers."""
        batch = pseudo_collate([self.pipeline(part, 'tile', index) for index, part in enumerate(pixels)])
        if not self.is_ours:
            return [(self._instances_of(sample), None, (0, 0)) for sample in self.model.test_step(batch)]
        data = self.model.data_preprocessor(batch, False)
        instances, maps = self.model.predict_heads(data['inputs'], data['data_samples'], rescale=True)
        maps = [None] * len(pixels) if maps is None else maps
        instances = [_nothing(part) for part in pixels] if instances is None else instances
        stride = 1 if self.semantic_head is None else self.semantic_head.stride
        covered = [tuple(side / stride for side in sample.img_shape[:2]) for sample in data['data_samples']]
        return [(self._voted(*pair), pair[1], part) for *pair, part in zip(instances, maps, covered, strict=True)]

    def _instances_of(self, sample: Any) -> InstanceData:
        instances = sample.pred_instances if 'pred_instances' in sample else InstanceData()
        if 'masks' not in instances:
            raise ConfigError(
                f'--tiles: {type(self.model).__name__} gives no masks of instances, by which tiles are joined; predict '
                'whole images, or use PanopticSOLO for panoptic maps of large ones.'
            )
        return instances[instances.scores >= self.score_thr]

    def _voted(self, instances: InstanceData, semantic: SemanticMaps | None) -> InstanceData:
        least = self.score_thr
        if self.fusion_head is not None:
            if self.model.mask_head is not None:
                instances = self.fusion_head.vote(instances, semantic)
            least = min(least, self.fusion_head.score_thr)
        return instances[instances.scores >= least]

    def _put_together(self, image: SourceImage, merged: MergedInstances, maps: _Maps | None) -> Prediction:
        panoptic = segments = None
        if self.fusion_head is not None:
            panoptic, segments = self._fuse(merged, maps)
        if maps is not None and self.semantic_head.merge_things:
            maps.name_things(panoptic)
        shown = merged.scores >= self.score_thr
        if self.fusion_head is not None:
            # Islands of stuff have become stuff.
            shown &= merged.labels < self.fusion_head.num_things
        masks = [merged.masks[index] for index in np.flatnonzero(shown)]
        boxes = np.array([coco_masks.toBbox(mask) for mask in masks], np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        return Prediction(
            name=image.name,
            size=image.size,
            classes=self.classes,
            boxes=boxes,
            scores=merged.scores[shown].astype(np.float32),
            labels=merged.labels[shown].astype(np.int64),
            masks=masks,
            semantic_map=None if maps is None else maps.labels,
            panoptic_map=panoptic,
            segments_info=segments,
        )

    def _fuse(self, merged: MergedInstances, maps: _Maps) -> tuple[np.ndarray, list[dict[str, Any]]]:
        head = self.fusion_head
        used = np.full(len(merged.labels), True) if head.stuff_instances else merged.labels < head.num_things
        panoptic, segments = fuse_rle(
            [merged.masks[index] for index in np.flatnonzero(used)],
            merged.scores[used],
            merged.labels[used],
            maps.labels,
            num_things=head.num_things,
            num_stuff=head.num_stuff,
            score_thr=head.score_thr,
            min_visible=head.min_visible,
            min_thing_area=head.min_thing_area,
            min_stuff_area=head.min_stuff_area,
            min_agreement=head.min_agreement,
            stuff_map=maps.stuff if head.unclaimed == 'stuff' else None,
        )
        infos = [
            dict(
                id=segment.id,
                category_id=segment.label,
                isthing=segment.label < head.num_things,
                score=segment.score,
                area=segment.area,
                bbox=[x1, y1, x2 - x1, y2 - y1],
            )
            for segment in segments
            for x1, y1, x2, y2 in [segment.box]
        ]
        return panoptic, infos


class _Maps:
    """Semantic maps of an image that are filled band by band.

    Args:
        tiling: Whose semantic and fusion head there are.
        size: Height and width of the image in pixels.
        cell: Pixels that a cell of the blended logits stands for.
    """

    def __init__(self, tiling: Tiling, size: tuple[int, int], cell: int) -> None:
        self.head, self.size, self.cell = tiling.semantic_head, size, cell
        self.cells = tuple(-(-side // cell) for side in size)
        self.labels = np.full(size, VOID_LABEL, np.uint8)
        fusion = tiling.fusion_head
        needs_stuff = self.head.merge_things or fusion is not None and fusion.unclaimed == 'stuff'
        self.stuff = np.full(size, VOID_LABEL, np.uint8) if needs_stuff else None
        self._rows: BlendedRows | None = None

    def add(self, logits: Tensor, covered: tuple[float, float], corner: tuple[int, int], size: tuple[int, int]) -> None:
        """Blend the logits of a tile in.

        Args:
            logits: What the head gives for the tile, shape ``(C, h, w)``.
            covered: As :func:`resample_logits` has it.
            corner: Left column and top row of the tile in pixels.
            size: Height and width of the tile in pixels.
        """
        cells = tuple(-(-side // self.cell) for side in size)
        logits = resample_logits(logits, covered, size, cells, self.cell)
        if self._rows is None:
            self._rows = BlendedRows(len(logits), self.cells, logits.device)
        self._rows.add(logits, corner[1] // self.cell, corner[0] // self.cell)

    def finish(self, next_row: int | None) -> None:
        """Fill the rows of the maps that no further tile touches.

        Args:
            next_row: Top row in pixels of the next tiles; None if there are none.
        """
        row = self.cells[0] if next_row is None else next_row // self.cell
        most = max(1, _BAND_PIXELS // (self.size[1] * self.cell))
        for band in self._rows.finish(row):
            for part in split_band(band, most):
                self._fill(part)

    def _fill(self, band: LogitBand) -> None:
        size = band.logits.shape[1] * self.cell, self.size[1]
        maps = self.head.maps([ViewMaps(band.logits, self.cell, size)], size)
        inside = slice(band.above * self.cell, size[0] - band.below * self.cell)
        top = band.first * self.cell
        for whole, part in ((self.labels, maps.labels), (self.stuff, maps.stuff)):
            if whole is not None:
                part = part[inside].cpu().numpy()
                target = whole[top : top + len(part)]
                target[:] = part[: len(target)]

    def name_things(self, panoptic_map: np.ndarray | None) -> None:
        """Give pixels of things of unknown class that of the fused thing there, or else the best stuff class."""
        for start in range(0, self.size[0], step := max(1, _BAND_PIXELS // self.size[1])):
            band = slice(start, start + step)
            named = self.stuff[band]
            if panoptic_map is not None:
                ids = panoptic_map[band] - 1
                named = np.where(ids >= INSTANCE_OFFSET, ids % INSTANCE_OFFSET, named)
            np.copyto(self.labels[band], named, where=self.labels[band] == VOID_LABEL, casting='unsafe')


def resample_logits(
    logits: Tensor, covered: tuple[float, float], size: tuple[int, int], cells: tuple[int, int], cell: int
) -> Tensor:
    """Look logits of a tile up at the centres of cells.

    Args:
        logits: Shape ``(C, h, w)``.
        covered: Rows and columns of the logits, with fractions, that the tile covers.
        size: Height and width of the tile in pixels.
        cells: Number of cells down and across.
        cell: Side of a cell in pixels.

    Returns:
        Logits, shape ``(C, *cells)``.
    """
    axes = []
    for count, part, pixels, length in zip(cells, covered, size, logits.shape[1:], strict=True):
        place = (torch.arange(count, device=logits.device, dtype=logits.dtype) + 0.5) * cell / pixels * part
        axes.append(place / length * 2 - 1)
    down, across = torch.meshgrid(*axes, indexing='ij')
    grid = torch.stack([across, down], dim=2)[None]
    return F.grid_sample(logits[None], grid, mode='bilinear', padding_mode='border', align_corners=False)[0]


def _cut(pixels: np.ndarray, corner: tuple[int, int], tile: int, cell: int) -> np.ndarray:
    """Cut a tile out; where it reaches beyond an image larger than it, by less than a cell, the border is repeated."""
    left, top = corner
    part = pixels[top : top + tile, left : left + tile]
    lacking = [tile - side if whole > tile else 0 for side, whole in zip(part.shape[:2], pixels.shape[:2], strict=True)]
    if not any(lacking):
        return np.ascontiguousarray(part)
    return np.pad(part, [(0, lack) for lack in lacking] + [(0, 0)] * (pixels.ndim - 2), mode='edge')


def _nothing(part: np.ndarray) -> InstanceData:
    empty = torch.zeros(0)
    return InstanceData(masks=torch.zeros(0, *part.shape[:2], dtype=torch.bool), scores=empty, labels=empty.long())


def _together(found: list[dict[str, Any]]) -> TileInstances:
    """Put what the tiles have found in one table."""
    masks = [mask for part in found for mask in part['masks']]
    scores, labels = (np.concatenate([part[key] for part in found]) for key in ('scores', 'labels'))
    tiles = np.repeat(np.arange(len(found)), [len(part['scores']) for part in found])
    return TileInstances(masks, scores, labels, tiles)
