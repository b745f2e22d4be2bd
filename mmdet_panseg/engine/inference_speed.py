"""A trained model made faster, with results that differ by rounding."""

from __future__ import annotations

from torch import nn

from .hooks.channels_last_hook import to_channels_last
from .hooks.fold_batch_norm_hook import fold_batch_norm


def prepare_for_inference(model: nn.Module, device_type: str) -> None:
    """Fold batch norm, and on CPUs keep the model in channels-last memory format.

    Args:
        model: Detector that is trained no more, changed in place.
        device_type: Such as ``'cpu'``.
    """
    fold_batch_norm(model)
    if device_type == 'cpu':
        to_channels_last(model)
