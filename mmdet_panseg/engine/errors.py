"""Errors of training and testing that a user can cause, and how the command lines print them."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable

from mmengine.logging import MMLogger

from mmdet_panseg.errors import IN_WORKER, ConfigError, UserError


class CheckpointError(UserError):
    """A checkpoint is missing, broken, unsafe to open, or of another model."""


class InterruptedTrainingError(UserError):
    """A training was ended by Ctrl-C or by a request to terminate.

    Args:
        message: Where it stopped, and how to go on.
        number: Number of the signal.
    """

    label = 'interrupted'
    on_every_process = True

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + number


class NonFiniteError(UserError):
    """The loss or the weights became infinite or NaN, so training cannot go on."""

    exit_code = 1


def run_command(main: Callable[[], object]) -> None:
    """Run a command line and turn a :class:`UserError` into one message and an exit code.

    Args:
        main: The command, called without arguments. Other exceptions pass through with their traceback.

    Raises:
        SystemExit: When ``main`` raised a :class:`UserError`, with that error's exit code.
    """
    try:
        main()
    except UserError as error:
        rank = os.environ.get('RANK', '0')
        where = '' if rank == '0' else f' (process {rank})'
        if rank == '0' or not error.on_every_process:
            in_worker = IN_WORKER.match(str(error))
            message = (in_worker and in_worker['message'] or str(error)).strip()
            print(f'{error.label}{where}: {message}', file=sys.stderr, flush=True)
            _append_to_log_file(message, error.__cause__ if isinstance(error, ConfigError) else None)
        sys.exit(error.exit_code)


def _append_to_log_file(message: str, cause: BaseException | None) -> None:
    """Write the message to the log file of the run, if one is open, and the traceback of what failed in a component."""
    if not MMLogger._instance_dict:
        return
    logger = MMLogger.get_current_instance()
    traceback = None if cause is None else (type(cause), cause, cause.__traceback__)
    record = logger.makeRecord(logger.name, logging.ERROR, __file__, 0, message, (), traceback)
    for handler in logger.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handle(record)
