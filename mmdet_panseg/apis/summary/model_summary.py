"""Parameters, multiply-adds and memory of a config's model, module by module."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.utils import get_test_pipeline_cfg
from mmengine.config import Config
from mmengine.model.utils import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from torch import nn

from mmdet_panseg.engine import ConfigError, load_config
from mmdet_panseg.engine.config import config_faults_explained

from .costs import KeptForBackward, LiveMemory, ModuleStack, MultiplyAdds


@dataclass(frozen=True)
class ModuleCost:
    """What a module with all that is in it has and takes.

    Attributes:
        name: Dotted name; empty for the whole model.
        kind: Name of its class.
        parameters: Number of parameters; one that several modules share counts in each.
        trained: How many of them learn.
        multiply_adds: Multiply-adds of a pass.
        kept_bytes: Bytes that a training keeps of its activations for the backward pass.
    """

    name: str
    kind: str
    parameters: int
    trained: int
    multiply_adds: int
    kept_bytes: int


@dataclass(frozen=True)
class ModelSummary:
    """A model at one input size, for one image.

    Attributes:
        size: Height and width of the input in pixels, padded.
        modules: The whole model, then its modules to the depth that was asked for, each before those within it.
        parameter_bytes: Bytes of parameters and buffers.
        peak_bytes: Most bytes of activations that are alive at a time in a pass without gradients.
    """

    size: tuple[int, int]
    modules: list[ModuleCost]
    parameter_bytes: int
    peak_bytes: int


def summarise_model(config: str | Path | Config, size: tuple[int, int] | None = None, depth: int = 2) -> ModelSummary:
    """Count what a model has and takes: backbone, neck and all heads, up to class scores, mask features and logits.

    Nothing is computed: torch's meta device follows shapes alone, so that size costs neither time nor memory. A model
    that needs values on the way, as two-stage detectors do, runs on the CPU instead. Not counted is what depends on the
    image: choosing cells, their masks, suppression and resizing; nor the losses.

    Args:
        config: Config file, or config.
        size: Height and width of the image in pixels; default that of the test pipeline. It is padded as the data
            preprocessor pads.
        depth: Levels of modules below the model.

    Returns:
        The figures, in float32.

    Raises:
        ConfigError: If the config is missing, no size is known, or the model does not run.
    """
    if depth < 0:
        raise ConfigError(f'--depth {depth}: must be at least 0.')
    config = config if isinstance(config, Config) else load_config(config)
    init_default_scope(config.get('default_scope', 'mmdet'))
    height, width = size or test_size(config)
    if min(height, width) < 1:
        raise ConfigError(f'--size {height} {width}: must be at least one pixel.')
    divisor = (config.model.get('data_preprocessor') or {}).get('pad_size_divisor', 1)
    padded = (height + -height % divisor, width + -width % divisor)
    with config_faults_explained(config):
        try:
            model, costs = _run(config, padded, 'meta')
        except (NotImplementedError, RuntimeError):
            model, costs = _run_on_cpu(config, padded)
    return ModelSummary(
        padded,
        _module_costs(model, costs, depth),
        sum(tensor.nbytes for tensor in [*model.parameters(), *model.buffers()]),
        costs.peak,
    )


def test_size(config: Config) -> tuple[int, int]:
    """Find height and width in pixels that the test pipeline resizes images to; a scale of (1333, 800) is 800 high.

    Raises:
        ConfigError: If it resizes to no fixed size.
    """
    try:
        steps = get_test_pipeline_cfg(config)
    except (AttributeError, KeyError, RuntimeError):
        steps = []
    for step in steps:
        scale = step.get('scale')
        if 'Resize' in str(step['type']) and isinstance(scale, (list, tuple)) and len(scale) == 2:
            return int(scale[1]), int(scale[0])
    raise ConfigError('--size: the test pipeline resizes to no fixed size; give one, such as --size 800 1333.')


@dataclass(frozen=True)
class _Costs:
    """Figures of a pass, those of modules without what is in them."""

    multiply_adds: Mapping[str, int]
    kept_bytes: Mapping[str, int]
    peak: int


def _run(config: Config, size: tuple[int, int], device: str) -> tuple[nn.Module, _Costs]:
    with torch.device(device):
        model = MODELS.build(copy.deepcopy(config.model))
        inputs = torch.zeros(1, 3, *size)
    model = revert_sync_batchnorm(model)
    sample = DetDataSample(
        metainfo=dict(img_shape=size, ori_shape=size, pad_shape=size, batch_input_shape=size, scale_factor=(1.0, 1.0))
    )
    modules = ModuleStack(model)

    def forward() -> Any:
        return model(inputs, [copy.deepcopy(sample)], mode='tensor')

    model.eval()
    memory, multiply_adds = LiveMemory(), MultiplyAdds(modules)
    with torch.no_grad(), modules.watching(), memory, multiply_adds:
        forward()
    model.train()
    kept = KeptForBackward(modules, [*model.parameters(), *model.buffers()])
    with modules.watching(), kept.counting():
        forward()
    return model, _Costs(multiply_adds.by_module, kept.by_module, memory.peak)


def _run_on_cpu(config: Config, size: tuple[int, int]) -> tuple[nn.Module, _Costs]:
    try:
        return _run(config, size, 'cpu')
    except (NotImplementedError, RuntimeError) as error:
        raise ConfigError(f'the model does not run on an image of {size[1]}x{size[0]} pixels: {error}') from error


def _module_costs(model: nn.Module, costs: _Costs, depth: int) -> list[ModuleCost]:
    multiply_adds, kept = _with_inner(costs.multiply_adds), _with_inner(costs.kept_bytes)
    rows = []
    for name, module in model.named_modules():
        parameters = list(module.parameters())
        if _depth(name) <= depth and (parameters or multiply_adds[name]):
            rows.append(
                ModuleCost(
                    name,
                    type(module).__name__,
                    sum(parameter.numel() for parameter in parameters),
                    sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
                    multiply_adds[name],
                    kept[name],
                )
            )
    return rows


def _with_inner(own: Mapping[str, int]) -> Counter[str]:
    """Add what each module has to all modules that it is in."""
    total: Counter[str] = Counter()
    for name, number in own.items():
        parts = name.split('.') if name else []
        for length in range(len(parts) + 1):
            total['.'.join(parts[:length])] += number
    return total


def _depth(name: str) -> int:
    return name.count('.') + 1 if name else 0
