"""What torch gives for an image, by the config's own pipeline."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from mmdet.structures import DetDataSample
from mmdet.utils import get_test_pipeline_cfg
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from torch import nn


class Reference:
    """A detector behind the resize of its test pipeline.

    Args:
        model: The detector, in evaluation mode.
        config: Its config.
    """

    def __init__(self, model: nn.Module, config: Config) -> None:
        self.model = model
        steps = [step for step in get_test_pipeline_cfg(config) if str(step['type']).split('.')[-1] == 'Resize']
        keys = ('ori_shape', 'img_shape', 'scale_factor')
        self.pipeline = Compose([*steps, dict(type='PackDetInputs', meta_keys=keys)])

    @torch.no_grad()
    def __call__(self, image: npt.NDArray[np.uint8]) -> DetDataSample:
        """Predict an RGB image of shape (H, W, 3)."""
        bgr = np.ascontiguousarray(image[..., ::-1])
        loaded = dict(img=bgr, img_shape=bgr.shape[:2], ori_shape=bgr.shape[:2])
        return self.model.test_step(pseudo_collate([self.pipeline(loaded)]))[0]
