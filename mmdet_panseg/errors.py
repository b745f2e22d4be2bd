"""Errors that a user can cause, whatever part of the package finds them."""

from __future__ import annotations


class UserError(RuntimeError):
    """An input, a file or a setting is wrong; the message names it and the remedy.

    The command lines print the message without a traceback and leave with :attr:`exit_code`.

    Attributes:
        exit_code: Exit code of the command.
        on_every_process: Whether all processes of the run raise it, so that the first one alone prints it.
    """

    exit_code: int = 2
    on_every_process: bool = False


class ConfigError(UserError):
    """A config file is missing, or a setting in it or on the command line cannot be used."""
