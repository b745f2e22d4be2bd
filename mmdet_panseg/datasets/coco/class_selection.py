"""Which classes of an annotation file a data set uses, which are things, the order of labels, and colours."""

from __future__ import annotations

import colorsys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mmdet.datasets import CocoDataset

from mmdet_panseg.datasets.errors import AnnotationFileError, shown, with_suggestions
from mmdet_panseg.ops import VOID_LABEL

from .annotation_file import check_flags

GOLDEN_RATIO = 0.618034


def names_as_texts(metainfo: Mapping[str, Any] | None) -> dict[str, Any]:
    """Make texts of class names that are numbers, which command lines make of names such as ``1``.

    Args:
        metainfo: Meta information of a config.

    Returns:
        A copy.
    """
    named = dict(metainfo or {})
    for key in ('classes', 'thing_classes', 'stuff_classes'):
        if isinstance(named.get(key), (list, tuple)):
            named[key] = tuple(map(str, named[key]))
    return named


def choose_classes(categories: list[dict], wanted: Sequence[str] | None, ann_file: str) -> tuple[str, ...]:
    """Settle the class names of a data set.

    Labels are numbered in the order of the file's ``categories``, because mmdet's ``CocoMetric`` numbers them
    so, whatever the order of ``classes``. Another order in the config would therefore name every class
    wrongly, and is refused.

    Args:
        categories: List ``categories`` of the annotation file.
        wanted: Class names that the user asks for, or None for all of the file.
        ann_file: Path of the file, for error texts.

    Returns:
        Class names; the index is the label.

    Raises:
        AnnotationFileError: If a wanted name is not in the file, a name occurs twice, or the order differs.
    """
    names = [category['name'] for category in categories]
    wanted = names if wanted is None else wanted
    check_class_names(wanted, names, ann_file)
    in_file_order = tuple(name for name in names if name in set(wanted))
    if tuple(wanted) != in_file_order:
        raise other_order_error(in_file_order, ann_file)
    return in_file_order


def check_class_names(
    wanted: Sequence[str], names: Sequence[str], ann_file: str, key: str = 'metainfo.classes'
) -> None:
    """Check that a file has the wanted names, each once.

    Args:
        wanted: Class names of the config.
        names: Names of the file's categories.
        ann_file: Path of the file, for error texts.
        key: Config key of the wanted names, for error texts.

    Raises:
        AnnotationFileError: If ``wanted`` is a text, a name is not in the file or a name occurs twice.
    """
    if isinstance(wanted, str):
        last = key.rpartition('.')[2]
        raise AnnotationFileError(
            f"'{key}' of the data set is the text {wanted!r}, not a sequence of names; "
            f"for one class write {last}=('{wanted}',) with a comma."
        )
    missing = [name for name in wanted if name not in set(names)]
    if missing:
        raise AnnotationFileError(
            f"Annotation file '{ann_file}' has no category named {with_suggestions(missing, names)}: "
            f"correct '{key}' of the data set (or 'name' in 'categories'). The file has: "
            f'{", ".join(map(str, names))}.'
        )
    chosen = set(wanted)
    for repeated, place in ((names, f"'categories' of '{ann_file}'"), (wanted, f"'{key}'")):
        counts = Counter(repeated)
        twice = sorted(name for name in chosen if counts[name] > 1)
        if twice:
            raise AnnotationFileError(f'{place} lists {", ".join(map(repr, twice))} twice; class names must be unique.')


def other_order_error(in_file_order: tuple[str, ...], ann_file: str) -> AnnotationFileError:
    """Make the error for classes of the config that stand in another order than labels are numbered."""
    return AnnotationFileError(
        f"'metainfo.classes' are in another order than 'categories' of '{ann_file}', by which labels are "
        f'numbered (training, CocoMetric); names would be mixed up. Write classes={in_file_order!r}.'
    )


def choose_stuff_classes(categories: list[dict], stuff: Sequence[str], ann_file: str) -> tuple[str, ...]:
    """Check names of stuff classes that an annotation file of instances does not have.

    Args:
        categories: List ``categories`` of the annotation file; all of them are things.
        stuff: ``metainfo.stuff_classes`` of the config.
        ann_file: Path of the file, for error texts.

    Returns:
        The names.

    Raises:
        AnnotationFileError: If ``stuff`` is a text, a name occurs twice or is a category of the file.
    """
    check_class_names(stuff, stuff if not isinstance(stuff, str) else [], ann_file, 'metainfo.stuff_classes')
    both = [category['name'] for category in categories if category['name'] in stuff]
    if both:
        raise AnnotationFileError(
            f"'metainfo.stuff_classes' names {', '.join(map(repr, both))}, whose objects '{ann_file}' annotates: "
            'remove them from there (or use panoptic annotations, where such classes can be stuff).'
        )
    return tuple(stuff)


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
    """Settle class names: things first, each kind in the order of the file.

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


def refuse_too_many(count: int, ann_file: str) -> None:
    """Raise :class:`AnnotationFileError` if a semantic map has no value for each class beside void."""
    if count > VOID_LABEL:
        raise AnnotationFileError(
            f"'{ann_file}' has {count} classes in use; semantic maps hold at most {VOID_LABEL} (value {VOID_LABEL} is "
            "void): choose fewer by 'metainfo.classes'."
        )


def choose_palette(classes: Sequence[str], categories: Sequence[dict] = ()) -> list[tuple[int, int, int]]:
    """Colours of the classes: the file's, or COCO's own where all names are COCO's, else hues spread evenly.

    Args:
        classes: Class names.
        categories: List ``categories`` of the annotation file; used are ``color`` if each class has one: RGB or RGBA of
            0..255, or a text such as ``'#ff8000'``.

    Returns:
        One RGB colour of 0..255 for each class.
    """
    own = {category['name']: _color_of(category.get('color')) for category in categories}
    if all(own.get(name) for name in classes):
        return [own[name] for name in classes]
    coco = dict(zip(CocoDataset.METAINFO['classes'], CocoDataset.METAINFO['palette'], strict=True))
    if all(name in coco for name in classes):
        return [coco[name] for name in classes]
    hues = [(index * GOLDEN_RATIO) % 1.0 for index in range(len(classes))]
    return [tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.75, 0.9)) for hue in hues]


def _color_of(value: Any) -> tuple[int, int, int] | None:
    """Read a colour; None if it is none."""
    if isinstance(value, str):
        try:
            value = list(bytes.fromhex(value.removeprefix('#')))
        except ValueError:
            return None
    if not isinstance(value, (list, tuple)) or len(value) not in (3, 4):
        return None
    valid = all(isinstance(part, int) and 0 <= part <= 255 for part in value)
    return tuple(value[:3]) if valid else None
