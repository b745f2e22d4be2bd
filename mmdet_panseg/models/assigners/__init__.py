"""Components that decide which grid cells learn which object."""

from .mask_cell_assigner import MaskCellAssigner
from .solo_grid_assigner import SOLOGridAssigner

__all__ = ['MaskCellAssigner', 'SOLOGridAssigner']
