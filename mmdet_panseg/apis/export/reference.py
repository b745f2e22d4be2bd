"""What torch gives for an image."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import nn

from mmdet_panseg.apis.inference.test_pipeline import InferencePipeline


class Reference:
    """A detector behind the test pipeline of its config.

    Args:
        model: The detector, in evaluation mode.
        config: Its config.
    """

    def __init__(self, model: nn.Module, config: Config) -> None:
        self.model = model
        self.pipeline = InferencePipeline.of(config)

    @torch.no_grad()
    def __call__(self, image: npt.NDArray[np.uint8]) -> DetDataSample:
        """Predict an RGB image of shape (H, W, 3)."""
        prepared = self.pipeline(np.ascontiguousarray(image[..., ::-1]), 'image')
        return self.model.test_step(pseudo_collate([prepared]))[0]
