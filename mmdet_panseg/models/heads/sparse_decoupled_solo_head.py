"""Decoupled SOLO's head, with masks of the chosen cells only."""

from __future__ import annotations

from collections.abc import Sequence

from mmdet.models import DecoupledSOLOHead
from mmdet.registry import MODELS
from mmdet.utils import OptConfigType
from torch import Tensor, nn

from mmdet_panseg.models.heads.cell_masks.product_masks import ProductMasks
from mmdet_panseg.ops import coordinate_channels, distinct_indices, upsampled_convolution

from .sparse_solo_head import SparseSOLOHead


@MODELS.register_module()
class SparseDecoupledSOLOHead(SparseSOLOHead, DecoupledSOLOHead):
    """Decoupled SOLO head that computes masks of positive and candidate cells.

    A drop-in for mmdet's ``DecoupledSOLOHead``, in the sense of :class:`SparseSOLOHead`. The mask of a cell is the
    product of a map of its column and one of its row: maps are computed for the columns and rows that have a chosen
    cell, at most ``2 S`` a level, and products for the chosen cells.

    The loss sees these products, so it must not apply a sigmoid: ``loss_mask.activate`` is False here by default, as
    in every config of mmdet, whereas the default of mmdet's class applies the sigmoid a second time.

    Args:
        *args: Arguments of mmdet's ``DecoupledSOLOHead``.
        mask_supervision: At which resolution masks are learnt; the factors' probabilities are resized, not logits.
        mask_upsample: Only ``'after'``: the last convolutions follow the upsampling.
        **kwargs: Arguments of mmdet's ``DecoupledSOLOHead`` and of :class:`SparseSOLOHead`.

    Raises:
        ValueError: If ``mask_supervision`` or ``mask_upsample`` cannot work with products.
    """

    exact_divisor = True
    # Coordinates that the mask towers are told, in the order of :meth:`mask_towers`.
    tower_axes: tuple[str, ...] = ('x', 'y')

    def __init__(
        self,
        *args,
        mask_supervision: OptConfigType = None,
        mask_upsample: str = 'after',
        **kwargs,
    ) -> None:
        name = type(self).__name__
        supervision = {'type': 'PerLevelSupervision', 'resize': 'probabilities', **(mask_supervision or {})}
        if supervision['resize'] != 'probabilities':
            raise ValueError(
                f"{name}: mask_supervision.resize must be 'probabilities', not {supervision['resize']!r}: "
                'a mask is a product of probabilities and has no logits'
            )
        if mask_upsample != 'after':
            raise ValueError(f"{name}: mask_upsample must be 'after', not {mask_upsample!r}")
        super().__init__(*args, mask_supervision=supervision, **kwargs)

    def mask_features(self, features: Tensor) -> tuple[Tensor, ...]:
        """Run the mask towers: ``(B, C, H, W)`` in, ``(B, C', H, W)`` out of each."""
        outputs = []
        for tower, axes in zip(self.mask_towers(), self.tower_axes, strict=True):
            output = coordinate_channels(features, axes)
            for conv in tower:
                output = conv(output)
            outputs.append(output)
        return tuple(outputs)

    def split_images(self, tower: tuple[Tensor, ...]) -> Sequence[tuple[Tensor, ...]]:
        """Split the towers' outputs into images."""
        return list(zip(*tower, strict=True))

    def mask_towers(self) -> list[nn.ModuleList]:
        """List the towers of the columns and of the rows."""
        return [self.mask_convs_x, self.mask_convs_y]

    def mask_layers(self) -> list[nn.ModuleList]:
        """List the last convolutions of the columns and of the rows."""
        return [self.conv_mask_list_x, self.conv_mask_list_y]

    @property
    def shared_tower(self) -> None:
        """Nothing that a semantic head could share: columns and rows have towers of their own."""
        return None

    def level_masks(self, features: tuple[Tensor, ...], level: int, cells: Tensor) -> ProductMasks:
        """Compute the maps of the columns and rows that have a chosen cell; arguments as in the parent."""
        num_grid = self.num_grids[level]
        columns, rows = (distinct_indices(lines, num_grid) for lines in (cells % num_grid, cells // num_grid))
        # A shared tower serves both.
        column_logits = self._line_logits(features[0], self.conv_mask_list_x[level], columns)
        row_logits = self._line_logits(features[-1], self.conv_mask_list_y[level], rows)
        return ProductMasks(columns, column_logits, rows, row_logits, num_grid)

    def _line_logits(self, features: Tensor, conv: nn.Conv2d, lines: Tensor) -> Tensor:
        return upsampled_convolution(features, conv.weight, conv.bias, lines, memory_budget=self.memory_budget)
