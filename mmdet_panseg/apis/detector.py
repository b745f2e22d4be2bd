"""Loading of a trained model, and its predictions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.model.utils import revert_sync_batchnorm
from torch import nn

from mmdet_panseg.engine import load_checkpoint_safely
from mmdet_panseg.engine.checkpoints import checkpoint_named, load_matching, require_match, weights_in


def load_detector(config: Config, checkpoint: str | Path, device: str = 'cpu', trust: bool = False) -> nn.Module:
    """Build a config's model in evaluation mode, with every weight from a checkpoint.

    Args:
        config: Config of the detector.
        checkpoint: Checkpoint file, or a work dir for its last one.
        device: Where the model goes.
        trust: Whether to open checkpoints that need code to unpickle.

    Returns:
        The model.

    Raises:
        CheckpointError: If the checkpoint is missing, unsafe to open, or of another model.
    """
    return load_detector_with_meta(config, checkpoint, device, trust)[0]


def load_detector_with_meta(
    config: Config, checkpoint: str | Path, device: str = 'cpu', trust: bool = False
) -> tuple[nn.Module, Mapping[str, Any]]:
    """Build a model as :func:`load_detector` does, and give what its checkpoint tells about it.

    Args:
        config: As in :func:`load_detector`.
        checkpoint: As in :func:`load_detector`.
        device: As in :func:`load_detector`.
        trust: As in :func:`load_detector`.

    Returns:
        The model and ``meta`` of the checkpoint, where a training writes ``dataset_meta``; empty if there is none.

    Raises:
        CheckpointError: As in :func:`load_detector`.
    """
    name = checkpoint_named(str(checkpoint))
    content = load_checkpoint_safely(name, trust=trust)
    # The CPU has no synchronised batch norm.
    model = revert_sync_batchnorm(MODELS.build(config.model))
    require_match(load_matching(model, weights_in(content, name)), name, complete=True)
    return model.to(device).eval(), content.get('meta') or {}


@torch.no_grad()
def predict(model: nn.Module, pipeline: Compose, data_info: dict) -> DetDataSample:
    """Run a model on one image.

    Args:
        model: The model, in evaluation mode.
        pipeline: Its test pipeline.
        data_info: The data set's entry of the image.

    Returns:
        Its result, in the resolution of the image file.
    """
    return model.test_step(pseudo_collate([pipeline(data_info)]))[0]
