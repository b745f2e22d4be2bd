"""Names of a model's classes, from its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn


def classes_of(model: nn.Module, meta: Mapping[str, Any]) -> tuple[Sequence[str], int]:
    """Find the names of a model's classes.

    Args:
        model: The model.
        meta: ``meta`` of its checkpoint.

    Returns:
        Names, things first, and the number of things; where the checkpoint has no names for this number of classes,
        they are called by their numbers.
    """
    semantic = getattr(model, 'semantic_head', None)
    if semantic is None:
        things, stuff = model.mask_head.num_classes, 0
    else:
        things, stuff = semantic.num_things, semantic.num_stuff
    names = (meta.get('dataset_meta') or {}).get('classes') or ()
    if len(names) != things + stuff:
        names = [f'class {number}' for number in range(1, things + stuff + 1)]
    return names, things
