"""Stand-ins for what a training checkpoint of mmengine pickles besides tensors and containers.

``torch.load(weights_only=True)`` looks a pickled name up in a list of allowed objects and calls what it
finds. The objects here take the places of ``getattr``, of numpy's reconstructors and of mmengine's
``HistoryBuffer`` in that list: each accepts exactly the arguments that honest checkpoints hold and builds
plain data from them.
"""

from __future__ import annotations

from collections.abc import Callable
from pickle import UnpicklingError
from typing import Any

import numpy as np
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

_PLAIN_KINDS = 'biufcSU'  # numpy's bool, integers, floats, complex numbers and fixed-size strings


def _refuse(path: str, reason: str) -> UnpicklingError:
    # the guard finds the refused name behind the word GLOBAL, as in torch's own messages
    return UnpicklingError(f'GLOBAL {path} {reason}')


class _PlainDtype:
    """Take the place of ``numpy.dtype``: numbers and fixed-size strings only."""

    def __init__(self, spec: Any, align: bool = False, copy: bool = False) -> None:
        if not isinstance(spec, str):
            raise _refuse('numpy.dtype', 'was given something else than a type name')
        try:
            self.dtype = np.dtype(spec)
        except TypeError as error:
            raise _refuse('numpy.dtype', f'was given an unknown type name {spec!r}') from error
        if self.dtype.kind not in _PLAIN_KINDS or self.dtype.names or self.dtype.subdtype:
            raise _refuse('numpy.dtype', f'describes an array of {spec!r}, which can hold more than numbers')

    def __setstate__(self, state: tuple) -> None:
        _, byte_order, subdtype, names, fields, *_ = state
        if subdtype is not None or names is not None or fields is not None:
            raise _refuse('numpy.dtype', 'describes a structured array')
        if byte_order in ('<', '>'):
            self.dtype = self.dtype.newbyteorder(byte_order)


def _read_buffer(dtype: Any, raw: Any) -> np.ndarray:
    if not isinstance(dtype, _PlainDtype) or not isinstance(raw, (bytes, bytearray)):
        raise _refuse('numpy.ndarray', 'holds something else than the bytes of numbers')
    if not raw:
        return np.empty(0, dtype.dtype)
    if len(raw) % dtype.dtype.itemsize:
        raise _refuse('numpy.ndarray', 'holds bytes that do not fit its type')
    return np.frombuffer(raw, dtype.dtype).copy()


class _ArrayName:
    """Take the place of the class ``numpy.ndarray``, which is only ever an argument of ``_reconstruct``."""


class PendingArray:
    """A numpy array whose content comes later in the pickle; :func:`resolve_arrays` replaces it.

    Attributes:
        array: The array, once its content was read.
    """

    array: np.ndarray

    def __setstate__(self, state: tuple) -> None:
        _, shape, dtype, fortran_order, raw = state
        flat = _read_buffer(dtype, raw)
        if flat.size != int(np.prod(shape, dtype=np.int64)):
            raise _refuse('numpy.ndarray', f'of shape {shape} holds {flat.size} values')
        self.array = flat.reshape(shape, order='F' if fortran_order else 'C')


def _reconstruct_array(subtype: Any, shape: Any, typecode: Any) -> PendingArray:
    if subtype is not _ARRAY_NAME:
        raise _refuse('numpy.core.multiarray._reconstruct', 'was asked for a subclass of numpy.ndarray')
    return PendingArray()


def _read_scalar(dtype: Any, raw: Any) -> Any:
    values = _read_buffer(dtype, raw)
    if values.size != 1:
        raise _refuse('numpy.core.multiarray.scalar', f'holds {values.size} values')
    return values[0]


def _no_bytes() -> bytes:
    """Give an empty ``bytes`` object, which pickle asks for in arrays without elements."""
    return b''


class _RestoredHistoryBuffer(HistoryBuffer):
    """Take the place of ``HistoryBuffer``: restore the numbers and become an ordinary one.

    The original restores callables from the file into a table shared by the whole class; this one leaves the
    table as mmengine sets it up.
    """

    def __init__(self, *args: Any) -> None:
        raise _refuse('mmengine.logging.history_buffer.HistoryBuffer', 'was called instead of restored')

    def __setstate__(self, state: dict) -> None:
        history, counts = (_numbers(state.get(key)) for key in ('_log_history', '_count_history'))
        self.__class__ = HistoryBuffer
        self.__init__(history, counts, max_length=int(state.get('max_length', 1000000)))


def _numbers(value: Any) -> np.ndarray:
    if not isinstance(value, PendingArray):
        raise _refuse('mmengine.logging.history_buffer.HistoryBuffer', 'holds something else than numbers')
    return value.array


class _OneCycleName:
    """Take the place of ``OneCycleParamScheduler``, whose annealing function a checkpoint names."""


def _get_known_attribute(owner: Any, name: Any) -> Callable | None:
    try:
        return _KNOWN_ATTRIBUTES[owner, name]
    except (KeyError, TypeError):
        raise _refuse('builtins.getattr', f'was asked for {name!r}') from None


def _posing_class(base: type, path: str) -> type:
    # torch before 2.6 knows an allowed object by its module and name alone
    module, _, name = path.rpartition('.')
    return type(name, (base,), {'__module__': module, '__qualname__': name})


def _posing_function(function: Callable, path: str) -> Callable:
    def stand_in(*args: Any) -> Any:
        return function(*args)

    stand_in.__module__, _, name = path.rpartition('.')
    stand_in.__name__ = stand_in.__qualname__ = name
    return stand_in


_ARRAY_NAME = _posing_class(_ArrayName, 'numpy.ndarray')
_HISTORY_BUFFER = _posing_class(_RestoredHistoryBuffer, 'mmengine.logging.history_buffer.HistoryBuffer')
_ONE_CYCLE = _posing_class(_OneCycleName, 'mmengine.optim.scheduler.param_scheduler.OneCycleParamScheduler')

_KNOWN_ATTRIBUTES: dict[tuple[Any, str], Callable | None] = {
    # a log history lists its statistics, but does not take them from the file
    **{(_HISTORY_BUFFER, name): None for name in ('min', 'max', 'current', 'mean')},
    **{(_ONE_CYCLE, name): getattr(OneCycleParamScheduler, name) for name in ('_annealing_cos', '_annealing_linear')},
}


def allowed_globals() -> list[Any]:
    """List everything that the guard allows besides what torch itself allows in ``weights_only`` files.

    Returns:
        Stand-ins whose module and name are those of the objects they replace, for
        ``torch.serialization.add_safe_globals``.
    """
    stand_ins: list[Any] = [
        _ARRAY_NAME,
        _posing_class(_PlainDtype, 'numpy.dtype'),
        PendingArray,
        _HISTORY_BUFFER,
        _ONE_CYCLE,
        _posing_function(_get_known_attribute, 'builtins.getattr'),
        _posing_function(_no_bytes, 'builtins.bytes'),
    ]
    for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):  # before numpy 2, and since
        stand_ins.append(_posing_function(_reconstruct_array, f'{module}._reconstruct'))
        stand_ins.append(_posing_function(_read_scalar, f'{module}.scalar'))
    return stand_ins


def resolve_arrays(value: Any, seen: dict[int, tuple[Any, Any]] | None = None) -> Any:
    """Replace every :class:`PendingArray` in nested dicts, lists and tuples by its array.

    Args:
        value: What ``torch.load`` returned; dicts and lists are changed in place.
        seen: Containers already visited by their ids, with what replaces them: structures may contain themselves, and
            a tuple that is shared again and again stands for more entries than there is time to visit.

    Returns:
        ``value``, or what replaces it.
    """
    seen = {} if seen is None else seen
    if isinstance(value, PendingArray):
        return value.array
    if id(value) in seen:
        return seen[id(value)][1]
    if type(value) is tuple:
        replaced = tuple(resolve_arrays(item, seen) for item in value)
        seen[id(value)] = value, replaced
        return replaced
    if not isinstance(value, (dict, list)):
        return value
    seen[id(value)] = value, value
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        value[key] = resolve_arrays(value[key], seen)
    return value
