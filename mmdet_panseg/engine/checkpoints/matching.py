"""Compare a checkpoint with the model that is about to use it."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import nn

from mmdet_panseg.engine.errors import CheckpointError


@dataclass(frozen=True)
class CheckpointMatch:
    """How the entries of a checkpoint fit those of a model.

    Attributes:
        matched: How many of the model's entries were taken from the checkpoint.
        missing: Entries of the model that the checkpoint lacks.
        mismatched: Entries in both with different shapes: name, shape in the checkpoint, shape in the model.
        unexpected: Entries of the checkpoint that the model has no place for.
    """

    matched: int
    missing: tuple[str, ...]
    mismatched: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]
    unexpected: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every entry of the model was taken from the checkpoint."""
        return not self.missing and not self.mismatched

    def describe(self, limit: int = 5) -> str:
        """Write one sentence per kind of difference, each with its first names.

        Args:
            limit: How many names each sentence lists.

        Returns:
            The sentences, or 'everything matches'.
        """
        shapes = tuple(f'{name} (file {list(file)}, model {list(own)})' for name, file, own in self.mismatched)
        kinds = (
            (self.missing, 'entries of the model are not in the file'),
            (shapes, 'entries have another shape'),
            (self.unexpected, 'entries of the file are not in the model'),
        )
        told = [f'{len(names)} {kind}: {_first(names, limit)}' for names, kind in kinds if names]
        return '; '.join(told) or 'everything matches'


def _first(names: tuple[str, ...], limit: int) -> str:
    more = len(names) - limit
    return ', '.join(names[:limit]) + (f' and {more} more' if more > 0 else '')


def weights_in(checkpoint: Any, name: str) -> OrderedDict[str, torch.Tensor]:
    """Take the model's weights from a checkpoint, without the prefix that data parallelism leaves.

    Args:
        checkpoint: Content of a checkpoint: a dict with ``state_dict``, or the weights themselves.
        name: Name of the file, for the error.

    Returns:
        Tensors by name, with torch's version numbers of the modules where the file has them.

    Raises:
        CheckpointError: When there are no tensors by name in it.
    """
    weights = checkpoint.get('state_dict', checkpoint) if isinstance(checkpoint, Mapping) else None
    if not isinstance(weights, Mapping) or not any(isinstance(value, torch.Tensor) for value in weights.values()):
        raise CheckpointError(f'{name}: holds no weights of a model (a dict of tensors, or one under "state_dict").')
    kept = OrderedDict((re.sub(r'^module\.', '', key), value) for key, value in weights.items())
    kept._metadata = getattr(weights, '_metadata', OrderedDict())
    return kept


def load_matching(model: nn.Module, weights: Mapping[str, torch.Tensor]) -> CheckpointMatch:
    """Copy into a model every entry that fits it, and tell how the two compare.

    Copying is what tells: modules may rename or convert entries of older versions while they load.

    Args:
        model: The model; wrappers for data parallelism and test-time augmentation are looked through.
        weights: Tensors by name, see :func:`weights_in`.

    Returns:
        The comparison. Counters of batch norm (``num_batches_tracked``) do not count as missing.
    """
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    own = model.state_dict()
    mismatched = tuple(
        (key, tuple(weights[key].shape), tuple(own[key].shape))
        for key in own
        if isinstance(weights.get(key), torch.Tensor) and weights[key].shape != own[key].shape
    )
    refused = {key for key, _, _ in mismatched}
    fitting = OrderedDict((key, value) for key, value in weights.items() if key not in refused)
    fitting._metadata = getattr(weights, '_metadata', OrderedDict())
    result = model.load_state_dict(fitting, strict=False)
    absent = set(result.missing_keys)
    missing = tuple(
        key for key in result.missing_keys if key not in refused and not key.endswith('num_batches_tracked')
    )
    # torch fills counters in that old files lack, and does not call them missing.
    matched = sum(key not in absent and (key in weights or not key.endswith('num_batches_tracked')) for key in own)
    return CheckpointMatch(matched, missing, mismatched, tuple(result.unexpected_keys))


def require_match(match: CheckpointMatch, name: str, complete: bool) -> None:
    """Refuse a checkpoint that does not fit the model.

    Args:
        match: The comparison, from :func:`load_matching`.
        name: Name of the file, for the error.
        complete: Whether every entry of the model must come from the file; otherwise one is enough.

    Raises:
        CheckpointError: When too little matches.
    """
    if match.matched == 0:
        raise CheckpointError(f'{name}: is a checkpoint of another model: {match.describe()}.')
    if complete and not match.complete:
        raise CheckpointError(f'{name}: does not fit this model; {match.matched} entries match, {match.describe()}.')
