"""A runner that leaves its long lists to the log file."""

from __future__ import annotations

import logging
import re

from mmengine.logging import MMLogger
from mmengine.runner import Runner

# Environment, config and order of hooks are hundreds of lines, between which warnings of the start drown.
_LISTS = re.compile(
    r'\n-+\nSystem environment:|Config:\n|Hooks will be executed|Distributed training is not used'
    r'|paramwise_options -- |.* is skipped since its requires_grad=False|"(FileClient|HardDiskBackend)" '
)


class ConciseRunner(Runner):
    """mmengine's runner, whose terminal shows neither environment, config nor order of hooks; the log file does."""

    def build_logger(self, *args, **kwargs) -> MMLogger:
        """Build the logger; arguments as in mmengine."""
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(lambda record: not _LISTS.match(record.getMessage()))
        logger.info(f'Environment, config and order of hooks are in the log file of {self.log_dir}.')
        return logger
