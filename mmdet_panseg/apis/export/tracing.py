"""From a module to an ONNX file whose sizes are free."""

from __future__ import annotations

import contextlib
import logging
import operator
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from .errors import ExportError
from .graph import DetectorGraph

OPSET = 20
# Sizes to trace with: of the image, of the padded one in units of the divisor, of the results. All differ.
_CROP, _PADDED, _RESULT = (97, 137), (4, 5), (120, 151)
_BLOCK_SHAPE = ('channels', 'block_rows', 'divisor', 'block_columns', 'divisor')
_INPUTS = ('blocks', 'crop_height', 'crop_width', 'height', 'width')


def trace(graph: DetectorGraph) -> Any:
    """Turn a graph into an ONNX model.

    Args:
        graph: The graph, in evaluation mode.

    Returns:
        The model, as ``onnx`` has it, with inputs ``image``, ``height`` and ``width``.

    Raises:
        ExportError: If a part of the model cannot be translated.
    """
    try:
        translated = translate(capture(graph), _INPUTS, graph.output_names)
    except Exception as error:  # the exporter has dozens of kinds
        reason = str(error).strip().partition('\n')[0]
        raise ExportError(f'the model cannot be translated to ONNX: {type(error).__name__}: {reason}') from error
    return padding_inside(translated, graph.divisor, graph.pad_value)


def capture(graph: DetectorGraph) -> torch.export.ExportedProgram:
    """Record what a graph does, with every size free.

    Args:
        graph: The graph, in evaluation mode.

    Returns:
        What torch records, with the inputs of :meth:`DetectorGraph.forward`.
    """
    free, unit = torch.export.Dim.DYNAMIC, graph.divisor
    example = (torch.zeros(1, 3, _PADDED[0], unit, _PADDED[1], unit), *_CROP, *_RESULT)
    sizes = ({2: free, 4: free}, free, free, free, free)
    with torch.no_grad(), _quiet(), FreeSizes():
        return torch.export.export(graph, example, dynamic_shapes=sizes, strict=False)


def translate(program: torch.export.ExportedProgram, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    """Turn what torch has recorded into an ONNX model.

    Args:
        program: What torch has recorded.
        inputs: Names of its inputs, in order.
        outputs: Names of its outputs, in order.

    Returns:
        The model, as ``onnx`` has it.
    """
    with _quiet():
        translated = torch.onnx.export(
            program,
            input_names=inputs,
            output_names=outputs,
            opset_version=OPSET,
            dynamo=True,
            custom_translation_table=_translations(),
            verbose=False,
        )
    return translated.model_proto


def padding_inside(model: Any, divisor: int, value: float) -> Any:
    """Let an ONNX model pad its image itself, so that it takes images of any size.

    Args:
        model: A model with inputs ``blocks``, ``crop_height`` and ``crop_width``; changed in place.
        divisor: Height and width of a block.
        value: Value to pad with.

    Returns:
        The model, with ``image`` of shape ``(1, 3, h, w)`` in their place.
    """
    from onnx import TensorProto, helper, numpy_helper

    constants = dict(
        rows=np.int64(2),
        columns=np.int64(3),
        first_side=np.array([2]),
        behind_sides=np.array([4]),
        channels=np.array([1, 3]),
        row=np.array([0]),
        column=np.array([1]),
        divisor=np.array([divisor]),
        other_amounts=np.zeros(6, np.int64),
        value=np.float32(value),
    )
    nodes = [
        ('Shape', ['image'], 'pad.shape'),
        ('Gather', ['pad.shape', 'pad.rows'], 'crop_height'),
        ('Gather', ['pad.shape', 'pad.columns'], 'crop_width'),
        ('Slice', ['pad.shape', 'pad.first_side', 'pad.behind_sides'], 'pad.sides'),
        ('Neg', ['pad.sides'], 'pad.minus_sides'),
        # The rest has the sign of the divisor.
        ('Mod', ['pad.minus_sides', 'pad.divisor'], 'pad.amounts'),
        ('Concat', ['pad.other_amounts', 'pad.amounts'], 'pad.all_amounts'),
        ('Pad', ['image', 'pad.all_amounts', 'pad.value'], 'pad.image'),
        ('Add', ['pad.sides', 'pad.amounts'], 'pad.padded_sides'),
        ('Div', ['pad.padded_sides', 'pad.divisor'], 'pad.blocks'),
        ('Gather', ['pad.blocks', 'pad.row'], 'pad.block_rows'),
        ('Gather', ['pad.blocks', 'pad.column'], 'pad.block_columns'),
        ('Concat', [f'pad.{name}' for name in _BLOCK_SHAPE], 'pad.block_shape'),
        ('Reshape', ['pad.image', 'pad.block_shape'], 'blocks'),
    ]
    made = [
        helper.make_node(kind, inputs, [output], **(dict(axis=0) if kind == 'Concat' else {}))
        for kind, inputs, output in nodes
    ]
    graph = model.graph
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(content), f'pad.{name}') for name, content in constants.items()
    )
    image = helper.make_tensor_value_info('image', TensorProto.FLOAT, [1, 3, 'image_height', 'image_width'])
    inputs = [image, *(entry for entry in graph.input if entry.name in ('height', 'width'))]
    everything = [*made, *graph.node]
    graph.ClearField('input')
    graph.ClearField('node')
    graph.input.extend(inputs)
    graph.node.extend(everything)
    return model


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

    def as_bytes(values: Any, dtype: int) -> Any:
        # Bools that are looked at as bytes; of bytes changed in place the recording goes to bools and back, which has
        # to leave them as they are.
        if not {values.dtype, dtype} <= {TensorProto.BOOL, TensorProto.UINT8}:
            raise NotImplementedError(f'values of {values.dtype} looked at as {dtype}')
        return op.Cast(values, to=TensorProto.UINT8)

    def floor_divide(one: Any, other: Any) -> Any:
        # The exporter's own division of sizes rounds towards zero. The rest has the sign of the divisor.
        return op.Div(op.Sub(one, op.Mod(one, other)), other)

    return {torch.ops.aten.view.dtype: as_bytes, operator.floordiv: floor_divide}


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
