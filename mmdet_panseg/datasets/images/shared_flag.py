"""A flag that all loader processes of a run share."""

from __future__ import annotations

import torch


class SharedFlag:
    """False until it is raised, in whichever process; what is reported once in a run asks it."""

    def __init__(self) -> None:
        self._value = torch.zeros(1, dtype=torch.uint8).share_memory_()

    def __deepcopy__(self, memo: dict) -> SharedFlag:
        # A plain deep copy of a tensor leaves shared memory.
        copied = SharedFlag()
        copied._value.copy_(self._value)
        return copied

    def raise_first(self) -> bool:
        """Raise the flag; True if it was not yet up."""
        first = not bool(self._value)
        self._value.fill_(1)
        return first
