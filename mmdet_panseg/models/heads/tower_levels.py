"""A pyramid on which the mask tower has run already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from .sparse_solo_head import SparseSOLOHead


class TowerLevels(list):
    """Aligned features of a batch with those of the mask tower, which a semantic head then shares.

    ``SparseSOLOHead`` takes it in place of a pyramid and does not run its mask tower again.

    Args:
        aligned: Aligned features, per level ``(B, C, H_l, W_l)``.
        mask_features: Features of the mask tower, per level ``(B, C', h_l, w_l)``.
    """

    def __init__(self, aligned: Iterable[Tensor], mask_features: Sequence[Tensor]) -> None:
        super().__init__(aligned)
        self.mask_features = mask_features

    @classmethod
    def of(cls, head: SparseSOLOHead, x: Sequence[Tensor]) -> TowerLevels:
        """Run a head's mask tower on all levels and images, unless ``x`` has its features.

        Args:
            head: The head.
            x: Feature pyramid from fine to coarse, each ``(B, C, H_l, W_l)``.

        Returns:
            The aligned pyramid with mask features.
        """
        levels = head.align(x)
        if isinstance(levels, cls):
            return levels
        return cls(levels, [head.mask_features(feature) for feature in levels])
