"""Keeps lists of parameters out of the log."""

from __future__ import annotations

import logging
import re

_LIST_OF_PARAMETERS = re.compile(r'^paramwise_options -- |is skipped since its requires_grad=False')


class WithoutParameterLists(logging.Filter):
    """Drops mmengine's lines about each parameter's learning rate and decay: hundreds, between which warnings drown."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is logged."""
        return _LIST_OF_PARAMETERS.search(record.getMessage()) is None
