"""The test pipeline of a config, for images that are there already."""

from __future__ import annotations

import copy
import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmdet.utils import get_test_pipeline_cfg
from mmengine.config import Config
from mmengine.dataset import Compose

from mmdet_panseg.datasets import LoadCheckedImage
from mmdet_panseg.errors import ConfigError

_OF_LOADER = ('color_type', 'imdecode_backend', 'backend_args', 'bit_depth')


@dataclass(frozen=True)
class InferencePipeline:
    """What happens to an image before the network sees it.

    Attributes:
        loader: Reads image files as the config's own step does.
        steps: The steps after loading, without those that load annotations.
        to_float32: Whether the steps get floats.
    """

    loader: LoadCheckedImage
    steps: Compose
    to_float32: bool

    @classmethod
    def of(cls, config: Config) -> InferencePipeline:
        """Read the test pipeline of a config.

        Raises:
            ConfigError: If it has none, or none that begins with an image.
        """
        try:
            steps = copy.deepcopy(get_test_pipeline_cfg(config))
        except (AttributeError, KeyError, TypeError, RuntimeError) as error:
            raise ConfigError('the config has no test_dataloader.dataset.pipeline, which prepares images.') from error
        names = [_name(step) for step in steps]
        start = next((place for place, name in enumerate(names) if name.startswith('Load') and 'Image' in name), None)
        if start is None:
            raise ConfigError(f'the test pipeline of the config loads no image: {", ".join(names)}.')
        loading = steps[start]
        arguments = {key: loading[key] for key in _OF_LOADER if key in loading}
        kept = [step for step, name in zip(steps, names, strict=True) if not name.startswith('Load')]
        return cls(LoadCheckedImage(**arguments), Compose(kept), bool(loading.get('to_float32')))

    def __call__(self, pixels: np.ndarray, name: str, index: int = 0) -> dict[str, Any]:
        """Prepare an image.

        Args:
            pixels: BGR, uint8, shape (H, W, 3).
            name: Its name.
            index: Its number.

        Returns:
            ``inputs`` and ``data_samples``.
        """
        image = pixels.astype(np.float32) if self.to_float32 else pixels
        shape = pixels.shape[:2]
        return self.steps(dict(img=image, img_path=name, img_id=index, img_shape=shape, ori_shape=shape))


def _name(step: dict) -> str:
    kind = step['type']
    return kind.__name__ if inspect.isclass(kind) else kind.split('.')[-1]
