"""Masks of an image's cells on one level, computed when they are asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor

from mmdet_panseg.ops import at_least_float32


class LevelMasks(ABC):
    """What a head gives the mask loss and the prediction for one image and level.

    Attributes:
        size: Height and width at which testing applies the sigmoid.
        copies: Maps that are alive at the same time for a mask, to plan chunks with.
    """

    size: tuple[int, int]
    copies: int = 4

    @abstractmethod
    def prepare(self, cells: Tensor, finish: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """Do what the masks of several chunks of cells have in common.

        Args:
            cells: Every cell whose mask may be asked for, as indices within the level, int64, shape ``(N,)``.
            finish: Turns logits ``(n, h, w)``, float32 or better, into soft masks ``(n, H, W)``. It is called on the
                logits of the cells, or on those of the factors that their masks are products of.

        Returns:
            A function from some of the cells, shape ``(P,)``, to their soft masks, shape ``(P, H, W)``.
        """

    def compute(self, cells: Tensor, finish: Callable[[Tensor], Tensor]) -> Tensor:
        """Compute soft masks of cells, shape ``(P, H, W)``; arguments as in :meth:`prepare`."""
        return self.prepare(cells, finish)(cells)


class LogitMasks(LevelMasks):
    """Masks that have logits.

    Args:
        logits: Gives the logits of cells, ``(P,)`` to ``(P, h, w)``.
        size: Height and width at which testing applies the sigmoid.
    """

    def __init__(self, logits: Callable[[Tensor], Tensor], size: tuple[int, int]) -> None:
        self.logits = logits
        self.size = size

    def prepare(self, cells: Tensor, finish: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """Leave all to the chunks: cells have nothing in common; arguments as in :meth:`LevelMasks.prepare`."""
        return lambda chosen: finish(at_least_float32(self.logits(chosen)))
