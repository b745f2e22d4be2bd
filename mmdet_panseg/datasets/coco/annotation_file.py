"""Reading a COCO annotation file and checking that its parts refer to each other."""

from __future__ import annotations

import json
import os.path as osp
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from mmengine.fileio import get_local_path

from mmdet_panseg.datasets.errors import AnnotationFileError, MissingDataError, shown
from mmdet_panseg.datasets.images.image_files import is_remote

IMAGE_KEYS = ('id', 'file_name', 'height', 'width')
ANNOTATION_KEYS = ('id', 'image_id', 'category_id', 'bbox', 'area')
CATEGORY_KEYS = ('id', 'name')


def read_annotation_file(
    ann_file: str,
    backend_args: dict | None = None,
    keys: Sequence[str] = ('images', 'annotations', 'categories'),
) -> dict[str, Any]:
    """Read a COCO annotation file.

    Args:
        ann_file: Path of the JSON file.
        backend_args: File backend, as in mmdet's data sets.
        keys: Top-level keys that must be there, each with a list of objects.

    Returns:
        Content of the file.

    Raises:
        MissingDataError: If a local file does not exist.
        AnnotationFileError: If the file is not JSON or one of the keys is missing.
    """
    if not is_remote(ann_file, backend_args) and not osp.isfile(ann_file):
        found = 'is a folder' if osp.isdir(ann_file) else 'does not exist'
        raise MissingDataError(
            f"Annotation file '{ann_file}' {found}: correct 'ann_file' or 'data_root' of the data set."
        )
    with get_local_path(ann_file, backend_args=backend_args) as local_path, open(local_path, 'rb') as file:
        try:
            content = json.load(file)
        except ValueError as error:
            raise AnnotationFileError(
                f"Annotation file '{ann_file}' is not valid JSON ({error}): it may be cut off; copy or "
                "export it again, or correct 'ann_file'."
            ) from error
    for key in keys:
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise AnnotationFileError(
                f"Annotation file '{ann_file}' has no list '{key}': a COCO file has the keys 'images', "
                "'annotations' and 'categories'; export it in COCO format or correct 'ann_file'."
            )
    return content


def check_images(images: list[dict], ann_file: str) -> None:
    """Check the file's ``images``: keys, unique ids, positive sizes.

    Args:
        images: List ``images`` of the file.
        ann_file: Path of the file, for error texts.

    Raises:
        AnnotationFileError: If there are no images, a key is missing, an id is used twice, a name is no text or a size
            is not positive.
    """
    if not images:
        raise AnnotationFileError(f"Annotation file '{ann_file}': the list 'images' is empty; nothing can be loaded.")
    columns = {key: column(images, key, 'images', ann_file) for key in IMAGE_KEYS}
    refuse_repeated(columns['id'], 'images', ann_file)
    unnamed = [image['id'] for image in images if not isinstance(image['file_name'], str)]
    if unnamed:
        raise AnnotationFileError(
            f"Annotation file '{ann_file}': 'file_name' of {len(unnamed)} 'images' (ids {shown(unnamed)}) is no text; "
            'write the name of the image file.'
        )
    for name, height, width in zip(columns['file_name'], columns['height'], columns['width'], strict=True):
        if not (isinstance(height, int) and isinstance(width, int) and height > 0 and width > 0):
            raise AnnotationFileError(
                f"Annotation file '{ann_file}', image '{name}': 'height' and 'width' must be whole numbers "
                f'above zero, found {height!r} and {width!r}; write the size of the image file in pixels.'
            )


def check_categories(categories: list[dict], ann_file: str) -> None:
    """Check the file's ``categories``: keys, unique ids and names; numbers become names of their digits.

    Args:
        categories: List ``categories`` of the file, changed in place.
        ann_file: Path of the file, for error texts.

    Raises:
        AnnotationFileError: If there are no categories, a key is missing, an id is used twice or a name is no text.
    """
    if not categories:
        raise AnnotationFileError(
            f"Annotation file '{ann_file}': the list 'categories' is empty; write 'id' and 'name' of each class."
        )
    columns = {key: column(categories, key, 'categories', ann_file) for key in CATEGORY_KEYS}
    refuse_repeated(columns['id'], 'categories', ann_file)
    for category in categories:
        name = category['name']
        if isinstance(name, bool) or not isinstance(name, (str, int, float)):
            raise AnnotationFileError(
                f"Annotation file '{ann_file}': 'name' of category {category['id']!r} is {name!r}; write a text."
            )
        category['name'] = str(name)


def group_annotations(
    annotations: list[dict], image_ids: Iterable[Any], category_ids: Iterable[Any], ann_file: str
) -> dict[Any, list[dict]]:
    """Sort annotations by image, in file order, after checking what they refer to.

    Args:
        annotations: List ``annotations`` of the file.
        image_ids: Ids of the file's images.
        category_ids: Ids of the file's categories.
        ann_file: Path of the file, for error texts.

    Returns:
        Annotations of each image id that has any.

    Raises:
        AnnotationFileError: If a key is missing, an id is used twice, an image or category id is not in the file, or
            ``iscrowd`` or ``ignore`` is neither 0 nor 1.
    """
    for flag in ('iscrowd', 'ignore'):
        check_flags(annotations, flag, 'annotations', ann_file)
    columns = {key: column(annotations, key, 'annotations', ann_file) for key in ANNOTATION_KEYS}
    refuse_repeated(columns['id'], 'annotations', ann_file)
    for key, known, section in (
        ('image_id', set(image_ids), 'images'),
        ('category_id', set(category_ids), 'categories'),
    ):
        refuse_unknown(columns['id'], columns[key], known, key, section, ann_file)
    grouped = defaultdict(list)
    for annotation, image_id in zip(annotations, columns['image_id'], strict=True):
        grouped[image_id].append(annotation)
    return grouped


def column(entries: list[dict], key: str, section: str, ann_file: str) -> list:
    """One value of every entry of a section; those that are ids are numbers or texts."""
    try:
        values = [entry[key] for entry in entries]
    except (KeyError, TypeError, IndexError) as error:
        lacking = [i for i, entry in enumerate(entries) if not isinstance(entry, dict) or key not in entry]
        examples = [f'no. {i} (id {entries[i].get("id")})' if isinstance(entries[i], dict) else i for i in lacking]
        raise AnnotationFileError(
            f"Annotation file '{ann_file}': {len(lacking)} entries of '{section}' have no key '{key}' "
            f'({shown(examples)}); add it to each of them.'
        ) from error
    wrong = [value for value in values if not isinstance(value, (int, float, str))] if key.endswith('id') else []
    if wrong:
        raise AnnotationFileError(
            f"Annotation file '{ann_file}': '{key}' of {len(wrong)} entries of '{section}' is neither a number nor a "
            f'text ({shown(wrong)}); write the id.'
        )
    return values


def check_flags(entries: list[dict], key: str, section: str, ann_file: str) -> None:
    """Raise if a flag is there and neither 0 nor 1: texts such as ``"0"`` would count as true."""
    wrong = [entry for entry in entries if isinstance(entry, dict) and entry.get(key, 0) not in (0, 1)]
    if wrong:
        ids = shown([entry.get('id') for entry in wrong])
        raise AnnotationFileError(
            f"Annotation file '{ann_file}': '{key}' of {len(wrong)} entries of '{section}' (ids {ids}) is neither 0 "
            f'nor 1, such as {wrong[0][key]!r}; write one of them.'
        )


def refuse_repeated(ids: list, section: str, ann_file: str) -> None:
    """Raise if an id occurs twice in a section."""
    if len(set(ids)) == len(ids):
        return
    repeated = [value for value, count in Counter(ids).items() if count > 1]
    raise AnnotationFileError(
        f"Annotation file '{ann_file}': {len(repeated)} values of 'id' occur more than once in '{section}' "
        f'({shown(repeated)}); give every entry an id of its own (merged files must be renumbered).'
    )


def refuse_unknown(
    ids: list, values: list, known: set, key: str, section: str, ann_file: str, noun: str = 'annotations'
) -> None:
    """Raise if annotations refer to an id that a section of the file does not list."""
    unknown = set(values) - known
    if not unknown:
        return
    lost = [i for i, value in zip(ids, values, strict=True) if value in unknown]
    raise AnnotationFileError(
        f"Annotation file '{ann_file}': {len(lost)} {noun} (ids {shown(lost)}) have a '{key}' that "
        f"'{section}' does not list ({shown(sorted(unknown, key=str))}); add it there or remove them."
    )
