"""Whether the splits of a data set mean the same classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from mmdet_panseg.datasets.coco.annotation_file import check_categories
from mmdet_panseg.datasets.errors import AnnotationFileError, shown

from .splits import Split


def check_classes(splits: Mapping[str, Split]) -> None:
    """Compare the classes of the splits, and look for names that are meant alike.

    Args:
        splits: The splits.

    Raises:
        AnnotationFileError: If splits have other classes or another order, or two names differ in capitals or blanks
            alone.
    """
    names_of = {}
    for name, split in splits.items():
        where = str(split.path or f'split {name}')
        check_categories(split.content['categories'], where)
        names_of[name] = [category['name'] for category in split.content['categories']]
        _refuse_alike(names_of[name], where)
    first, *others = names_of
    for other in others:
        _refuse_other_classes(names_of[first], names_of[other], splits[first], splits[other], first, other)


def _refuse_alike(names: list[str], where: str) -> None:
    alike: dict[str, set[str]] = defaultdict(set)
    for name in names:
        alike[' '.join(name.split()).casefold()].add(name)
    doubles = [' and '.join(map(repr, sorted(group))) for group in alike.values() if len(group) > 1]
    if doubles:
        raise AnnotationFileError(
            f"'{where}': class names differ in capitals or blanks alone: {shown(doubles)}. Give both one spelling in "
            'the annotations.'
        )


def _refuse_other_classes(
    names: list[str], others: list[str], split: Split, other: Split, name: str, other_name: str
) -> None:
    if names == others:
        return
    files = f'{split.path or name} and {other.path or other_name}'
    only = [f"'{item}' only in {name}" for item in names if item not in others]
    only += [f"'{item}' only in {other_name}" for item in others if item not in names]
    if only:
        raise AnnotationFileError(
            f'The classes of {files} differ: {shown(only)}. Give both the same classes (in COCO files '
            "'categories'), those without objects too."
        )
    place = next(k for k, pair in enumerate(zip(names, others, strict=False)) if pair[0] != pair[1])
    raise AnnotationFileError(
        f"The classes of {files} are in different orders: no. {place} is '{names[place]}' in {name} and "
        f"'{others[place]}' in {other_name}. Give 'categories' of both one order."
    )
