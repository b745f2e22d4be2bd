"""Whether the files of a data set are there."""

from __future__ import annotations

import os
import os.path as osp
import re
from collections import defaultdict
from collections.abc import Sequence
from unicodedata import normalize

from mmengine import fileio

from mmdet_panseg.datasets.errors import BrokenImageError, MissingDataError, shown


def is_remote(path: str, backend_args: dict | None) -> bool:
    """Whether a path is read by a file backend other than the local disk, as mmengine chooses it."""
    return '://' in path or (backend_args or {}).get('backend', 'local') != 'local'


def find_missing_files(paths: Sequence[str]) -> list[str]:
    """Find paths that are no files, with one listing a folder instead of one look-up a file.

    Links that lead nowhere, folders and pipes, from which a loader would wait forever, are no files.

    Args:
        paths: Paths of files.

    Returns:
        The paths that are no file, in their order.
    """
    listings: dict[str, set[str]] = defaultdict(set)
    for folder in {osp.dirname(path) for path in paths}:
        if osp.isdir(folder or os.curdir):
            with os.scandir(folder or os.curdir) as entries:
                listings[folder] = {entry.name for entry in entries if _is_file(entry)}
    # A listing may spell a name otherwise (capitals, Unicode forms) than a file system that opens it all the
    # same.
    return [path for path in paths if osp.basename(path) not in listings[osp.dirname(path)] and not osp.isfile(path)]


def _is_file(entry: os.DirEntry) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link to itself
        return False


def refuse_missing_files(names: Sequence[str], folder: str, noun: str, key: str, ann_file: str) -> None:
    """Check that the files of an annotation file are in their folder.

    Args:
        names: Names of the files.
        folder: Folder of the files.
        noun: What they are, for the error text.
        key: Key of ``data_prefix`` that gives the folder, for the error text.
        ann_file: Path of the annotation file, for the error text.

    Raises:
        MissingDataError: If files do not exist.
    """
    missing = find_missing_files([osp.join(folder, name) for name in names])
    if missing:
        raise MissingDataError(
            f"{len(missing)} of {len(names)} {noun} ('file_name') of '{ann_file}' do not exist as files: "
            f"{shown(missing)}. Correct 'data_prefix' ({key}='{folder}') or 'data_root', or add the files."
            f'{_near_name(missing[0])}'
        )


def _near_name(path: str) -> str:
    """Tell which file has the name but for its form, as the end of a message."""
    if '\\' in path:
        return " The names have backslashes: write '/'."
    folder, name = osp.split(path)
    names = os.listdir(folder or os.curdir) if osp.isdir(folder or os.curdir) else []
    alike = next((other for other in names if _plain(other) == _plain(name)), None)
    return f" '{ascii(alike)[1:-1]}' is there: mind capitals and accents." if alike else ''


def _plain(name: str) -> str:
    """Give a name without capitals, in one Unicode form."""
    return normalize('NFC', name).casefold()


def read_file(path: str, backend_args: dict | None, noun: str, path_key: str = 'img_path') -> bytes:
    """Read an image file of a sample.

    Args:
        path: Path of the file.
        backend_args: File backend, as in mmdet's transforms.
        noun: What it is, for the error text.
        path_key: Key under which the sample's record names it.

    Returns:
        Its bytes.

    Raises:
        BrokenImageError: If it cannot be read, or is empty.
    """
    remedy = 'copy it again or correct its permissions, or remove it from the annotation file.'
    try:
        content = fileio.get(path, backend_args=backend_args)
    except OSError as error:
        fault = f"{noun} '{path}' cannot be read ({error.strerror or error})"
        raise BrokenImageError(f'{fault}; {remedy}', 'unreadable', path_key) from error
    if not content:
        raise BrokenImageError(f"{noun} '{path}' is empty; {remedy}", 'undecodable', path_key)
    return content


def named_by_url(images: list[dict]) -> list[dict]:
    """Give images without ``file_name`` that of their ``coco_url``, with its folder: LVIS has no other.

    Args:
        images: List ``images`` of an annotation file.

    Returns:
        Entries with their names.
    """
    return [
        {**image, 'file_name': '/'.join(image['coco_url'].split('/')[-2:])}
        if isinstance(image, dict) and 'file_name' not in image and isinstance(image.get('coco_url'), str)
        else image
        for image in images
    ]


def rename_images(images: list[dict], substitution: tuple[str, str] | None) -> list[dict]:
    """Give images the names that their files have on disk.

    Args:
        images: List ``images`` of an annotation file.
        substitution: Regular expression and replacement for ``file_name``, as ``re.sub`` takes them; None changes
            nothing.

    Returns:
        Entries with their new names.
    """
    if substitution is None:
        return images
    pattern, replacement = substitution
    return [{**image, 'file_name': re.sub(pattern, replacement, image['file_name'])} for image in images]
