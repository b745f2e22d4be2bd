"""Which grid cells the objects of a sample get from a SOLO head's assigner, and why some get none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from mmdet.models import SOLOHead
from mmdet.structures import DetDataSample
from torch import Tensor, nn

from mmdet_panseg.models.assigners import SOLOGridAssigner
from mmdet_panseg.models.gt_objects import GTObjects
from mmdet_panseg.ops import align_pyramid, aligned_strides, split_levels


@dataclass(frozen=True)
class LevelCells:
    """Cells of one level.

    Attributes:
        grid: Cells along each side.
        scale_range: Sizes of the objects that it learns, roots of box areas in pixels.
        cells: Indices of its positive cells, row by row, int64, shape (P,).
        objects: Object of each, int64, shape (P,).
    """

    grid: int
    scale_range: tuple[float, float]
    cells: np.ndarray
    objects: np.ndarray


@dataclass(frozen=True)
class Assignment:
    """Cells of one image.

    Attributes:
        covered: Height and width in pixels that the grids are laid over.
        levels: Cells by level.
        without_cell: By object that gets no cell, why.
    """

    covered: tuple[int, int]
    levels: list[LevelCells]
    without_cell: dict[int, str]


class CellAssigner:
    """Assign the objects of samples as a model's SOLO head does in training.

    Args:
        model: Detector with a ``mask_head`` of the SOLO family, mmdet's included; it may be on the meta device.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model.eval()
        self.head = model.mask_head
        # What mmdet's head does is the default of ours.
        self.assigner = getattr(self.head, 'assigner', None) or SOLOGridAssigner(pos_scale=self.head.pos_scale)
        self._padded_sizes: dict[tuple[int, int], tuple[int, int]] = {}

    @staticmethod
    def fits(model: nn.Module) -> bool:
        """Whether a model has such a head."""
        return isinstance(getattr(model, 'mask_head', None), SOLOHead)

    def __call__(self, sample: DetDataSample) -> Assignment:
        """Assign the objects of a sample that the data preprocessor has padded."""
        padded = self._padded_size(tuple(sample.batch_input_shape))
        image_size = tuple(sample.img_shape[:2])
        objects = GTObjects.from_instances(sample.gt_instances, sample.batch_input_shape, image_size)
        grids, ranges = self.head.num_grids, self.head.scale_ranges
        found = self.assigner.assign(objects, grids, ranges, padded, image_size)
        covered = padded if self.assigner.grid == 'padded' else image_size
        levels = [
            LevelCells(grid, tuple(scale_range), cells.numpy(), found.objects[place].numpy())
            for grid, scale_range, (place, cells) in zip(
                grids, ranges, split_levels(found.cells, [grid * grid for grid in grids]), strict=True
            )
        ]
        return Assignment(covered, levels, self._without_cell(objects, found.objects, covered))

    def _padded_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width that the head takes for those of its input: the finest level's times its stride."""
        if size not in self._padded_sizes:
            device = next(self.model.parameters()).device
            with torch.no_grad():
                finest = align_pyramid(self.model.extract_feat(torch.empty(1, 3, *size, device=device)))[0]
            stride = aligned_strides(self.head.strides)[0]
            self._padded_sizes[size] = (stride * finest.shape[-2], stride * finest.shape[-1])
        return self._padded_sizes[size]

    def _without_cell(self, objects: GTObjects, winners: Tensor, covered: tuple[int, int]) -> dict[int, str]:
        ranges = self.head.scale_ranges
        candidates = self.assigner.candidates(objects, self.head.num_grids, ranges, covered)
        hits = self.assigner.hits(objects, ranges)
        sides = objects.boxes[:, 2:] - objects.boxes[:, :2]
        scales = (sides[:, 0] * sides[:, 1]).sqrt()
        reasons = {}
        for index in sorted(set(range(len(objects.areas))) - set(winners.tolist())):
            if not objects.areas[index] > 0:
                reasons[index] = 'its mask has no pixel'
            elif not hits[index].any():
                reasons[index] = _outside_ranges(float(scales[index]), ranges)
            elif index in candidates.objects:
                wanted = set(candidates.cells[candidates.objects == index].tolist())
                rivals = candidates.objects[[cell in wanted for cell in candidates.cells.tolist()]]
                takers = sorted(set(rivals.tolist()) & set(winners.tolist()))
                reasons[index] = (
                    f'its {_number(len(wanted), "cell")} went to {", ".join(f"#{taker}" for taker in takers)}'
                )
            else:
                reasons[index] = 'its centre lies outside the grid'
        return reasons


def _outside_ranges(scale: float, ranges: Sequence[tuple[float, float]]) -> str:
    lowest, highest = min(low for low, _ in ranges), max(high for _, high in ranges)
    size = f'its size (root of the box area) of {scale:.1f} pixels'
    if scale < lowest:
        return f'{size} is below all scale_ranges, which begin at {lowest:g}'
    if scale > highest:
        return f'{size} is above all scale_ranges, which end at {highest:g}'
    return f'{size} falls between the scale_ranges'


def _number(count: int, noun: str) -> str:
    return f'{count} {noun}{"s" * (count != 1)}'
