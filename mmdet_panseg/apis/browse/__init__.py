"""What a network is trained on, to look at: images after augmentation, objects, and the grid cells that learn them."""

from __future__ import annotations

from .cells import Assignment, CellAssigner, LevelCells
from .loading import browse_samples
from .page import browse_page
from .pictures import sample_pictures
from .sample import BrowsedSample, browsing_totals
from .sheet import browse_sheet

__all__ = [
    'Assignment',
    'BrowsedSample',
    'CellAssigner',
    'LevelCells',
    'browse_page',
    'browse_samples',
    'browse_sheet',
    'browsing_totals',
    'sample_pictures',
]
