"""What one config has that another has not."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping
from typing import Any, NamedTuple

KeyPath = tuple[str, ...]


class _Absent:
    """Stand for the value of a key that is not there."""

    def __repr__(self) -> str:
        return 'absent'


ABSENT = _Absent()


class Change(NamedTuple):
    """Value of a key before and after; :data:`ABSENT` where there is none."""

    old: Any
    new: Any


def config_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[KeyPath, Change]:
    """Compare two configs.

    Args:
        old: A config, or a part of one.
        new: Another one.

    Returns:
        Changes by the path of their keys. Lists, and dicts that only one of the two has, are compared whole.
    """
    changes: dict[KeyPath, Change] = {}
    for key in [*old, *(key for key in new if key not in old)]:
        before, after = old.get(key, ABSENT), new.get(key, ABSENT)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            changes.update({(key, *rest): change for rest, change in config_changes(before, after).items()})
        elif not same_value(before, after):
            changes[key,] = Change(before, after)
    return changes


def same_value(one: Any, other: Any) -> bool:
    """Whether two values mean the same to a config; a tuple equals a list."""
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same_value, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same_value(one[key], other[key]) for key in one)
    # bool is an int in Python, but not for who reads a config
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def apply_changes(config: MutableMapping[str, Any], changes: Mapping[KeyPath, Change]) -> None:
    """Make changes in another config.

    Args:
        config: The config, changed in place.
        changes: As from :func:`config_changes`; only what is new of them counts. A new dict without a ``type``
            joins the one that the config has there.
    """
    for path, change in changes.items():
        level = config
        for key in path[:-1]:
            level = level.setdefault(key, {})
        if change.new is ABSENT:
            level.pop(path[-1], None)
            continue
        known = level.get(path[-1])
        if isinstance(known, MutableMapping) and isinstance(change.new, Mapping) and 'type' not in change.new:
            known.update(copy.deepcopy(dict(change.new)))
        else:
            level[path[-1]] = copy.deepcopy(change.new)
