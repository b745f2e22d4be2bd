"""Errors that a user can cause, whatever part of the package finds them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

CLASSES_OF_DATA = (
    'Where a config leaves it out, the command lines and mmdet_panseg.engine.load_config read it from the data; the '
    'config that a training writes to its work dir has it.'
)

IN_WORKER = re.compile(
    r'Caught \w+ in DataLoader worker process.*File "(?P<file>[^"]+)", line (?P<line>\d+)[^\n]*\n(?: [^\n]*\n)*'
    r'(?P<error>\w[\w.]*(: (?P<message>.*))?)$',
    re.DOTALL,
)
"""What torch makes of an error in a process that loads data: the traceback is its message."""


class UserError(RuntimeError):
    """An input, a file or a setting is wrong; the message names it and the remedy.

    The command lines print the message without a traceback and leave with :attr:`exit_code`.

    Attributes:
        label: What the message begins with.
        exit_code: Exit code of the command.
        on_every_process: Whether all processes of the run raise it, so that the first one alone prints it.
    """

    label: str = 'error'
    exit_code: int = 2
    on_every_process: bool = False


class ConfigError(UserError):
    """A config file is missing, or a setting in it or on the command line cannot be used."""


def near_names(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Suggest names for a mistyped one, as the end of an error message.

    Args:
        name: What was typed.
        known: What there is.
        cutoff: Least similarity, 0 to 1.

    Returns:
        A sentence with a space before it; empty if nothing is near.
    """
    near = get_close_matches(name, sorted(known), n=3, cutoff=cutoff)
    return f' Near it: {", ".join(near)}.' if near else ''
