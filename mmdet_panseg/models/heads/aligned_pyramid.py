"""What travels from the neck through a head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class AlignedPyramid:
    """A pyramid whose levels have been brought to the strides of a head.

    Attributes:
        levels: Aligned features, per level ``(B, C, H_l, W_l)``.
        pyramid: The features as the neck gives them, from fine to coarse.
        mask_features: What the mask branch has made of them already: by level what
            :meth:`SparseSOLOHead.mask_features` gives, or by image the features that all levels of
            :class:`SparseSOLOV2Head` share. None as long as there is nothing.
    """

    levels: Sequence[Tensor]
    pyramid: Sequence[Tensor]
    mask_features: Sequence[Any] | Mapping[int, Tensor] | None = None
