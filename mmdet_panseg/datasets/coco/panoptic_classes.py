"""Which categories of a panoptic file are things, and the order of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mmdet_panseg.datasets.errors import AnnotationFileError, shown

from .annotation_file import check_flags
from .class_selection import check_class_names, choose_classes, other_order_error


class PanopticClasses(NamedTuple):
    """Classes in use, in the order of their labels.

    Attributes:
        things: Names of the thing classes, labels from 0.
        stuff: Names of the stuff classes, labels from ``len(things)``.
        asked: All names in the order of the config, or of the file if the config names none.
    """

    things: tuple[str, ...]
    stuff: tuple[str, ...]
    asked: tuple[str, ...]


def choose_panoptic_classes(
    categories: list[dict], wanted: Sequence[str] | None, metainfo: Mapping, ann_file: str
) -> PanopticClasses:
    """Settles class names: things first, each kind in the order of the file.

    The order among things is the file's, because mmdet's ``CocoMetric`` numbers labels by the file.

    Args:
        categories: List ``categories`` of the annotation file.
        wanted: Class names that the user asks for, or None for all of the file.
        metainfo: Meta information of the config; ``thing_classes`` takes precedence over ``isthing`` of the file.
        ann_file: Path of the file, for error texts.

    Returns:
        The classes.

    Raises:
        AnnotationFileError: If a name is unknown or occurs twice, if things or stuff among ``wanted`` are not in the
            order of the file, or if nothing says which categories are things.
    """
    names = [category['name'] for category in categories]
    wanted = names if wanted is None else wanted
    check_class_names(wanted, names, ann_file)
    thing_names = _thing_names(categories, metainfo.get('thing_classes'), ann_file)
    things = tuple(name for name in wanted if name in thing_names)
    stuff = tuple(name for name in wanted if name not in thing_names)
    target = choose_classes(categories, [name for name in names if name in set(wanted)], ann_file)
    ordered = tuple(sorted(target, key=lambda name: name not in thing_names))
    if things + stuff != ordered:
        raise other_order_error(ordered, ann_file)
    given = metainfo.get('stuff_classes')
    if given is not None and set(given) != set(stuff):
        raise AnnotationFileError(
            f"'metainfo.stuff_classes' ({shown(list(given))}) are not the classes in use that are no things "
            f"({shown(stuff)}): leave it out, or correct it or 'metainfo.thing_classes'."
        )
    return PanopticClasses(things, stuff, tuple(wanted))


def _thing_names(categories: list[dict], thing_classes: Sequence[str] | None, ann_file: str) -> set[str]:
    """Names of the thing categories of a file."""
    if thing_classes is not None:
        check_class_names(thing_classes, [c['name'] for c in categories], ann_file, 'metainfo.thing_classes')
        return set(thing_classes)
    lacking = [category['name'] for category in categories if 'isthing' not in category]
    if lacking:
        raise AnnotationFileError(
            f"Annotation file '{ann_file}': {len(lacking)} of {len(categories)} 'categories' have no key 'isthing' "
            f'({shown(lacking)}); add it (1 for things, 0 for stuff), or name the things in the config by '
            'metainfo=dict(thing_classes=(...)) of the data set.'
        )
    check_flags(categories, 'isthing', 'categories', ann_file)
    return {category['name'] for category in categories if category['isthing']}
