"""Which rungs train: one that changes only what testing uses tests the weights of its parent."""

from __future__ import annotations

from .config_changes import config_changes
from .rungs import RUN_KEYS, Ladder, Rung

# Beginnings of the keys that no training depends on.
_TESTING_KEYS = (
    ('model', 'test_cfg'),
    ('model', 'fusion_head'),
    *((f'{loop}_{part}',) for loop in ('val', 'test') for part in ('cfg', 'dataloader', 'evaluator')),
)


def trains(rung: Rung) -> bool:
    """Whether a rung needs a training of its own.

    Args:
        rung: The rung.

    Returns:
        False if it differs from its parent only in the settings of testing: ``model.test_cfg``, ``model.fusion_head``
        and the data, metrics and loops of validation and test.
    """
    changes = config_changes(rung.parent_config, rung.config)
    changed = [key for key in changes if key[0] in RUN_KEYS]
    return rung.parent is None or any(not is_of_testing(key) for key in changed)


def trained_rung(ladder: Ladder, rung: Rung) -> Rung:
    """Find the rung whose weights a rung is tested with.

    Args:
        ladder: The ladder.
        rung: One of its rungs.

    Returns:
        The rung itself if it trains, or else its nearest ancestor that does.
    """
    while rung.parent is not None and not trains(rung):
        rung = ladder.rungs[rung.parent]
    return rung


def is_of_testing(key: tuple[str, ...]) -> bool:
    """Whether no training depends on a key, given as its path."""
    return any(key[: len(beginning)] == beginning for beginning in _TESTING_KEYS)
