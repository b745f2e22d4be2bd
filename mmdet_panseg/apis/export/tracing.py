"""From a module to an ONNX file whose sizes are free."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from .errors import ExportError
from .graph import DetectorGraph

OPSET = 20
_EXAMPLE_SIZE, _EXAMPLE_RESULT = (97, 137), (120, 151)


def trace(graph: DetectorGraph) -> Any:
    """Turn a graph into an ONNX model.

    Args:
        graph: The graph, in evaluation mode.

    Returns:
        The model, as ``onnx`` has it, with inputs ``image``, ``height`` and ``width``.

    Raises:
        ExportError: If a part of the model cannot be translated.
    """
    free = torch.export.Dim.DYNAMIC
    example = (torch.zeros(1, 3, *_EXAMPLE_SIZE), *_EXAMPLE_RESULT)
    try:
        with torch.no_grad(), _quiet(), FreeSizes():
            program = torch.export.export(
                graph, example, dynamic_shapes=({2: free, 3: free}, free, free), strict=False
            )
        with _quiet():
            translated = torch.onnx.export(
                program,
                input_names=['image', 'height', 'width'],
                output_names=graph.output_names,
                opset_version=OPSET,
                dynamo=True,
                custom_translation_table=_translations(),
                verbose=False,
            )
    except Exception as error:  # the exporter has dozens of kinds
        reason = str(error).strip().partition('\n')[0]
        raise ExportError(f'the model cannot be translated to ONNX: {type(error).__name__}: {reason}') from error
    return translated.model_proto


class FreeSizes(TorchFunctionMode):
    """Lets positions be computed for a number of columns that is not known yet, which ``torch.linspace`` cannot."""

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Replace ``linspace`` where its number of steps is free."""
        if func is torch.linspace and isinstance(args[2], torch.SymInt):
            return _positions(*args)
        return func(*args, **(kwargs or {}))


def _positions(start: float, end: float, steps: int) -> Tensor:
    """Do what ``linspace`` does, which counts from both ends."""
    index = torch.arange(steps, dtype=torch.float32)
    last = (index[-1:]).clamp(min=1.0)
    step = (end - start) / last
    return torch.where(index < (last + 1) / 2, start + step * index, end - step * (index[-1:] - index))


def _translations() -> dict[Callable, Callable]:
    from onnx import TensorProto
    from onnxscript import opset20 as op

    def as_bytes(mask: Any, dtype: int) -> Any:
        # Only bools are looked at as bytes.
        return op.Cast(mask, to=TensorProto.UINT8)

    return {torch.ops.aten.view.dtype: as_bytes}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporter tells its developers out of the terminal."""
    logger = logging.getLogger('torch.onnx')
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.setLevel(level)
