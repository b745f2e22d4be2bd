"""Open a checkpoint without running code that the file brings along."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from mmdet_panseg.engine.errors import CheckpointError
from mmdet_panseg.errors import near_names

from .archive import archive_fault
from .unpickling import allowed_globals, resolve_arrays

MapLocation = str | torch.device | dict | Callable | None

_ZIP_START = b'PK\x03\x04'
_PICKLE_START = b'\x80'
_STAND_INS = allowed_globals()


def load_checkpoint_safely(path: str | os.PathLike, map_location: MapLocation = 'cpu', trust: bool = False) -> Any:
    """Load a checkpoint that holds tensors, containers, numbers, strings and mmengine's log history.

    Unlike mmengine's own loader, which falls back to full unpickling, anything else in the file is refused,
    because unpickling it may run any code.

    Args:
        path: File written by ``torch.save``, for example a training checkpoint of mmengine.
        map_location: Where the tensors go, as in ``torch.load``.
        trust: Unpickle everything. Only for files whose origin is trusted.

    Returns:
        The content of the file.

    Raises:
        CheckpointError: When the file is missing, is no checkpoint, is damaged, or needs code to unpickle.
    """
    path = Path(path)
    require_checkpoint_file(path)
    _require_sound_archive(path)
    try:
        if trust:
            return torch.load(path, map_location=map_location, weights_only=False)
        with _only_our_globals():
            return resolve_arrays(torch.load(path, map_location=map_location, weights_only=True))
    except torch.cuda.OutOfMemoryError:
        raise
    except UnpicklingError as error:
        raise _refusal(path, error, trust) from None
    except Exception as error:
        first_line = (str(error).strip().splitlines() or [''])[0]
        raise CheckpointError(
            f'{path}: cannot be read; the file is broken, cut short, or no checkpoint of torch.save '
            f'({type(error).__name__}: {first_line}).'
        ) from error


def require_checkpoint_file(path: Path) -> None:
    """Make sure that a path is a file that begins as a checkpoint.

    Args:
        path: The file.

    Raises:
        CheckpointError: When it is not.
    """
    if path.is_dir():
        raise CheckpointError(f'{path}: is a folder; name a checkpoint file in it.')
    if not path.is_file():
        raise CheckpointError(f'{path}: no such checkpoint file.{_near_files(path)}')
    with path.open('rb') as file:
        start = file.read(len(_ZIP_START))
    if start != _ZIP_START and not start.startswith(_PICKLE_START):
        what = 'is empty' if not start else 'is not a checkpoint of torch.save'
        raise CheckpointError(f'{path}: {what}.')


def _require_sound_archive(path: Path) -> None:
    with path.open('rb') as file:
        is_archive = file.read(len(_ZIP_START)) == _ZIP_START
    fault = archive_fault(path) if is_archive else None
    if fault is not None:
        raise CheckpointError(f'{path}: cannot be read; {fault}. Copy or download it again.')


def _near_files(path: Path) -> str:
    if not path.parent.is_dir():
        return f' The folder {path.parent} does not exist.'
    names = [entry.name for entry in path.parent.iterdir() if entry.suffix == path.suffix]
    return near_names(path.name, names, cutoff=0.4)


@contextmanager
def _only_our_globals() -> Iterator[None]:
    # whatever else the process has allowed (getattr, for one) must not apply here
    others = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(_STAND_INS)
    try:
        yield
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(others)


def _refusal(path: Path, error: UnpicklingError, trust: bool) -> CheckpointError:
    if trust:
        return CheckpointError(f'{path}: cannot be unpickled; it is broken, or no checkpoint ({error}).')
    message = ' '.join(str(error).split())
    named = re.search(r'GLOBAL ([\w.]+)|unrecognized function (.+?)(?: which| Please|$)', message)
    if named is None:
        what = 'it is broken, or uses features of pickle that checkpoints of torch.save do not need'
    else:
        what = f'unpickling it would call {named.group(1) or named.group(2)}'
    return CheckpointError(
        f'{path}: refused, because {what}; only tensors, containers and the log history of mmengine are '
        'opened without trust. If you trust the origin of this file, pass --trust-checkpoint '
        '(in Python: trust=True).'
    )
