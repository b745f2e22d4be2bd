"""Which labels are things and which category ids they have, from the meta information of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .errors import EvaluationError


class ClassLayout(NamedTuple):
    """Classes of a panoptic data set, things first.

    Attributes:
        names: Names by label.
        num_things: Number of things, which have the first labels.
        category_ids: Ids in the annotation file by label; the labels themselves where the data set does not say.
    """

    names: tuple[str, ...]
    num_things: int
    category_ids: tuple[int, ...]


def class_names(dataset_meta: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Read the names of the classes.

    Args:
        dataset_meta: Meta information of the data set.

    Returns:
        Names by label.

    Raises:
        EvaluationError: If it does not have them.
    """
    names = (dataset_meta or {}).get('classes')
    if not names:
        raise EvaluationError(
            "the data set's metainfo has no 'classes', so labels have no meaning; set metainfo.classes."
        )
    return tuple(names)


def class_layout(dataset_meta: Mapping[str, Any] | None) -> ClassLayout:
    """Read the classes of a panoptic data set.

    Args:
        dataset_meta: Meta information of the data set: ``classes``, ``thing_classes``, ``stuff_classes`` and,
            optionally, ``category_ids``.

    Returns:
        The classes.

    Raises:
        EvaluationError: If it lacks classes, or things do not come before stuff.
    """
    names = class_names(dataset_meta)
    things, stuff = (tuple(dataset_meta.get(key) or ()) for key in ('thing_classes', 'stuff_classes'))
    if things + stuff != names:
        place = next((i for i, pair in enumerate(zip(names, things + stuff, strict=False)) if len(set(pair)) > 1), None)
        where = f'; they first differ at label {place} ({names[place]!r})' if place is not None else ''
        raise EvaluationError(
            f"the data set's metainfo has {len(names)} 'classes', but {len(things)} 'thing_classes' and {len(stuff)} "
            f"'stuff_classes'{where}. 'classes' must list all things and then all stuff."
        )
    ids = tuple(dataset_meta.get('category_ids') or ())
    # stuff that only semantic maps have is in no annotation file
    known = len(ids) == len(names) and None not in ids
    return ClassLayout(names, len(things), ids if known else tuple(range(len(names))))
