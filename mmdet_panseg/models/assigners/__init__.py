"""Components that decide which grid cells learn what."""

from __future__ import annotations

from .mask_cell_assigner import MaskCellAssigner
from .random_negative_cells import RandomNegativeCells
from .solo_grid_assigner import SOLOGridAssigner

__all__ = ['MaskCellAssigner', 'RandomNegativeCells', 'SOLOGridAssigner']
