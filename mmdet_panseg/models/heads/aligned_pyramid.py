"""What travels from the neck through a head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

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


class SharedTower(NamedTuple):
    """What a semantic head must know of a mask tower to work on it.

    Attributes:
        channels: Channels of its features.
        stride: Stride of its finest level in pixels of the input.
    """

    channels: int
    stride: int


def images_of_batch(features: Tensor, images: Sequence[int]) -> Tensor:
    """Choose images of a batch, in ascending order."""
    return features if len(images) == len(features) else features[list(images)]
