"""Which classes of an annotation file a data set uses, in which order, and their colours."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from difflib import get_close_matches

from mmdet.datasets import CocoDataset

from .errors import AnnotationFileError

GOLDEN_RATIO = 0.618034


def choose_classes(categories: list[dict], wanted: Sequence[str] | None, ann_file: str) -> tuple[str, ...]:
    """Settles the class names of a data set.

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
    if wanted is None:
        wanted = names
    if isinstance(wanted, str):
        raise AnnotationFileError(
            f"'metainfo.classes' of the data set is the text {wanted!r}, not a sequence of names; "
            f"for one class write classes=('{wanted}',) with a comma."
        )
    missing = [name for name in wanted if name not in set(names)]
    if missing:
        raise AnnotationFileError(
            f"Annotation file '{ann_file}' has no category named {_with_suggestions(missing, names)}: "
            f"correct 'metainfo.classes' of the data set (or 'name' in 'categories'). The file has: "
            f'{", ".join(map(str, names))}.'
        )
    chosen = set(wanted)
    in_file_order = tuple(name for name in names if name in chosen)
    for repeated, place in ((in_file_order, f"'categories' of '{ann_file}'"), (wanted, "'metainfo.classes'")):
        twice = sorted(name for name in chosen if list(repeated).count(name) > 1)
        if twice:
            raise AnnotationFileError(f'{place} lists {", ".join(map(repr, twice))} twice; class names must be unique.')
    if tuple(wanted) != in_file_order:
        raise AnnotationFileError(
            f"'metainfo.classes' are in another order than 'categories' of '{ann_file}', by which labels are "
            f'numbered (training, CocoMetric); names would be mixed up. Write classes={in_file_order!r}.'
        )
    return in_file_order


def choose_palette(classes: Sequence[str]) -> list[tuple[int, int, int]]:
    """Colours of the classes: COCO's own where all names are COCO's, else hues spread evenly.

    Args:
        classes: Class names.

    Returns:
        One RGB colour of 0..255 for each class.
    """
    coco = dict(zip(CocoDataset.METAINFO['classes'], CocoDataset.METAINFO['palette'], strict=True))
    if all(name in coco for name in classes):
        return [coco[name] for name in classes]
    hues = [(index * GOLDEN_RATIO) % 1.0 for index in range(len(classes))]
    return [tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.75, 0.9)) for hue in hues]


def _with_suggestions(missing: Sequence[str], names: Sequence[str]) -> str:
    """Missing names, each with the nearest spelling that the file has."""
    lowered = {str(name).lower(): name for name in names}
    parts = []
    for name in missing:
        near = get_close_matches(str(name).lower(), lowered, n=1)
        parts.append(f"'{name}' (nearest: '{lowered[near[0]]}')" if near else f"'{name}'")
    return ', '.join(parts)
