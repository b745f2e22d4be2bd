"""Which classes label maps have, which values mean them, and which of them are things."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmdet_panseg.datasets.coco.class_selection import choose_palette
from mmdet_panseg.datasets.errors import AnnotationFileError, MissingDataError, shown
from mmdet_panseg.ops import VOID_LABEL

MAX_CLASSES = VOID_LABEL
"""Labels are the numbers below that of void."""


@dataclass(frozen=True)
class ClassList:
    """Names of the classes of label maps.

    Attributes:
        names: Class names; the index is the value in label maps.
        palette: RGB colour of 0..255 of each class, or None to choose some.
        void: The value that means no class, or None if the source does not say.
    """

    names: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...] | None = None
    void: int | None = None


@dataclass(frozen=True)
class LabelClass:
    """A class of the data set to be made.

    Attributes:
        name: Its name.
        value: Its value in label maps.
        is_thing: Whether its connected components become instances.
        colour: RGB of 0..255.
    """

    name: str
    value: int
    is_thing: bool
    colour: tuple[int, int, int]


def read_class_list(path: Path) -> ClassList:
    """Read class names from a file.

    Args:
        path: A text file with one name per line; or a JSON file with a list of names, or with an object that has the
            list ``classes`` and, optionally, ``palette`` (RGB triples) and ``ignore_index`` (the value of void).

    Returns:
        The classes.

    Raises:
        MissingDataError: If the file does not exist.
        AnnotationFileError: If it is no such file.
    """
    try:
        text = path.read_text(encoding='utf-8')
    except FileNotFoundError as error:
        if not path.parent.is_dir():
            raise MissingDataError(f"The folder '{path.parent}' does not exist.") from error
        raise MissingDataError(
            f"Class list '{path}' does not exist: give a file, or the names themselves, with --classes."
        ) from error
    except UnicodeDecodeError as error:
        raise AnnotationFileError(f"Class list '{path}' is no text in UTF-8 ({error}): save it as such.") from error
    if path.suffix.lower() != '.json':
        return ClassList(tuple(line.strip() for line in text.rstrip().splitlines()))
    try:
        content = json.loads(text)
    except ValueError as error:
        raise AnnotationFileError(f"Class list '{path}' is not valid JSON ({error}): correct it.") from error
    return _from_json(content if isinstance(content, dict) else dict(classes=content), path)


def _from_json(content: dict, path: Path) -> ClassList:
    names, palette, void = (content.get(key) for key in ('classes', 'palette', 'ignore_index'))
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise AnnotationFileError(
            f"Class list '{path}' must hold a list of names, or an object with such a list 'classes'."
        )
    if void is not None and not isinstance(void, int):
        raise AnnotationFileError(f"Class list '{path}': 'ignore_index' must be a whole number, not {void!r}.")
    if palette is None:
        return ClassList(tuple(names), None, void)
    try:
        colours = tuple((int(r), int(g), int(b)) for r, g, b in palette)
    except (TypeError, ValueError):
        colours = ()
    if len(colours) != len(names) or not all(0 <= channel < 256 for colour in colours for channel in colour):
        raise AnnotationFileError(
            f"Class list '{path}': 'palette' must hold {len(names)} colours [red, green, blue] of 0..255, one for "
            'each class; correct it or remove it.'
        )
    return ClassList(tuple(names), colours, void)


def choose_label_classes(class_list: ClassList, things: Sequence[str], void: Collection[int]) -> tuple[LabelClass, ...]:
    """Put the classes into the order of category ids: things first, each kind in the order of its values.

    Args:
        class_list: The classes of the label maps.
        things: Names of the classes that become things.
        void: Values that mean no class; classes with these values are left out.

    Returns:
        The classes of the data set.

    Raises:
        AnnotationFileError: If a name is empty or used twice, a thing is no class, or there are no or too many classes.
    """
    names = [name for value, name in enumerate(class_list.names) if value not in void]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise AnnotationFileError(f'Class names must be unique; used twice: {", ".join(map(repr, twice))}.')
    if '' in names:
        value = next(v for v, name in enumerate(class_list.names) if not name and v not in void)
        raise AnnotationFileError(f'The class of value {value} has no name: name it, or add {value} to --void.')
    unknown = [name for name in things if name not in names]
    if unknown:
        raise AnnotationFileError(
            f'--things {shown(unknown)}: no such class (or it is void). The classes are: {", ".join(names)}.'
        )
    if not 1 <= len(names) <= MAX_CLASSES:
        raise AnnotationFileError(f'{len(names)} classes that are not void; between 1 and {MAX_CLASSES} can be used.')
    palette = class_list.palette or tuple(choose_palette(class_list.names))
    classes = [
        LabelClass(name, value, name in things, palette[value])
        for value, name in enumerate(class_list.names)
        if value not in void
    ]
    return tuple(sorted(classes, key=lambda item: not item.is_thing))
