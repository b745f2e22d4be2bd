"""Errors of others' code in one line."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from types import FrameType

from mmdet_panseg.errors import IN_WORKER


def in_one_line(error: BaseException) -> str:
    """Write an error as kind and message; the source line stands for a message that is not there."""
    if isinstance(error, SyntaxError):
        return f'{type(error).__name__}: {error.msg}'
    message = error.args[0] if isinstance(error, KeyError) and error.args else error
    in_worker = IN_WORKER.match(str(message))
    if in_worker:
        return ' '.join(in_worker['error'].split())
    words = ' '.join(str(message).split()) or source_line(error)
    return f'{type(error).__name__}: {words}'


def source_line(error: BaseException) -> str:
    """Give the line of code that raised an error."""
    entries = traceback.extract_tb(error.__traceback__)
    return entries[-1].line or '' if entries else ''


def place_of(error: BaseException) -> str:
    """Give file and line that raised an error, as the end of a message."""
    if isinstance(error, SyntaxError):
        return f' ({error.filename}, line {error.lineno})'
    in_worker = IN_WORKER.match(str(error.args[0])) if error.args else None
    if in_worker:
        return f' ({in_worker["file"]}, line {in_worker["line"]})'
    entries = traceback.extract_tb(error.__traceback__)
    return f' ({entries[-1].filename}, line {entries[-1].lineno})' if entries else ''


def first_cause(error: BaseException) -> BaseException:
    """Follow an error back to the one that it was raised from, or while handling."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return error


def frames_of(error: BaseException) -> Iterator[tuple[FrameType, int]]:
    """Give the frames that an error went through, the innermost first, with the lines that were run."""
    return reversed(list(traceback.walk_tb(error.__traceback__)))
