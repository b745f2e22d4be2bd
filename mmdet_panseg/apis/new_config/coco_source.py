"""COCO files below a folder: their splits, and where their images and PNG files are."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from mmdet_panseg.datasets.coco.annotation_file import check_categories, check_images, group_annotations
from mmdet_panseg.datasets.coco.panoptic_file import segment_file_name, segments_by_image
from mmdet_panseg.datasets.conversion.coco_parts import is_panoptic
from mmdet_panseg.datasets.conversion.importers import SPLIT_NAMES, FolderFiles
from mmdet_panseg.datasets.errors import AnnotationFileError, MissingDataError, shown

from .splits import DataSplits, Split


@dataclass(frozen=True)
class CocoFile:
    """A COCO file.

    Attributes:
        path: Where it is.
        content: What is in it.
        split: Split that its name, or a folder's, says; None if none does.
    """

    path: Path
    content: dict[str, Any]
    split: str | None

    @property
    def panoptic(self) -> bool:
        """Whether it is panoptic."""
        return is_panoptic(self.content)


def is_coco(content: Any) -> bool:
    """Whether the content of a JSON is that of a COCO file."""
    return isinstance(content, dict) and all(
        isinstance(content.get(key), list) for key in ('images', 'annotations', 'categories')
    )


def coco_file(path: Path, content: dict[str, Any], root: Path) -> CocoFile:
    """Read the split off the names of a COCO file and its folders."""
    names = [path.stem, *reversed(path.relative_to(root).parent.parts)]
    words = [word for name in names for word in re.split('[^a-z]+', name.lower())]
    return CocoFile(path, content, next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), None))


def read_coco(files: FolderFiles, found: Sequence[CocoFile], task: str, named: bool) -> DataSplits:
    """Choose the files of the splits and find their images.

    Args:
        files: The folder.
        found: Its COCO files.
        task: ``'instance'`` or ``'panoptic'``; ``'auto'`` takes panoptic files where there are some.
        named: Whether the user named these files, so that one alone is that of all images.

    Returns:
        The data set.

    Raises:
        AnnotationFileError: If files have no split or share one.
        MissingDataError: If images are missing, or there is no file for the task.
    """
    panoptic = task == 'panoptic' or (task == 'auto' and any(file.panoptic for file in found))
    chosen = [file for file in found if file.panoptic == panoptic]
    if not chosen:
        raise MissingDataError(f"--task {task}: '{files.root}' has no COCO file of that kind.")
    if named and len(chosen) == 1:
        chosen = [replace(chosen[0], split='train')]
    elif named and any(file.split is None for file in chosen):
        chosen = [replace(file, split=split) for file, split in zip(chosen, ('train', 'val', 'test'), strict=False)]
    notes = []
    by_split: dict[str | None, list[CocoFile]] = defaultdict(list)
    for file in chosen:
        by_split[file.split].append(file)
    if None in by_split and 'train' in by_split:
        names = [file.path.name for file in by_split.pop(None)]
        notes.append(f'{len(names)} COCO files are of no split and not used: {shown(names)}.')
    splits = {}
    for split, candidates in by_split.items():
        if len(candidates) > 1:
            names = [str(file.path) for file in candidates]
            what = f'the split {split}' if split else 'no split'
            raise AnnotationFileError(
                f"'{files.root}' has {len(names)} COCO files of {what}: {', '.join(names)}. Say which is meant: "
                '--annotations TRAIN.json VAL.json.'
            )
        splits[split or 'train'] = _located(candidates[0], split, files, panoptic)
    if panoptic:
        instances = [file for file in found if not file.panoptic]
        splits = {name: _with_instances(split, instances) for name, split in splits.items()}
    data = DataSplits('COCO panoptic' if panoptic else 'COCO instances', splits, panoptic, notes)
    _note_unlisted(data, files)
    return data


def _located(file: CocoFile, split: str | None, files: FolderFiles, panoptic: bool) -> Split:
    images, annotations, categories = (file.content[key] for key in ('images', 'annotations', 'categories'))
    where = str(file.path)
    check_images(images, where)
    check_categories(categories, where)
    image_of, category_ids = {image['id']: image for image in images}, {category['id'] for category in categories}
    (segments_by_image if panoptic else group_annotations)(annotations, image_of, category_ids, where)
    segments = None
    if panoptic:
        pngs = [segment_file_name(entry, image_of[entry['image_id']]) for entry in annotations]
        segments = _folder_of(pngs, file, files, 'panoptic PNG files', lambda folder: folder.name == file.path.stem)
    names = [image['file_name'] for image in images]
    folder = _folder_of(
        names, file, files, 'images', lambda folder: folder != segments and split in _splits_in(folder, files.root)
    )
    return Split(file.content, folder, segments, file.path)


def _splits_in(folder: Path, root: Path) -> set[str | None]:
    words = re.split('[^a-z]+', folder.relative_to(root).as_posix().lower())
    return {SPLIT_NAMES.get(word) for word in words}


def _folder_of(names: list[str], file: CocoFile, files: FolderFiles, what: str, is_likely: Any) -> Path:
    """Find the folder to which names of files are relative."""
    present = set(files.images)
    candidates: dict[Path, int] = {}
    for name in names[:1] + names[-1:]:
        parts = PurePosixPath(name).parts
        for path in files.images:
            if parts and path.parts[-len(parts) :] == parts:
                candidates[Path(*path.parts[: -len(parts)])] = 0
    for folder in candidates:
        candidates[folder] = sum((folder / name) in present for name in names)
    most = max(candidates.values(), default=0)
    best = [folder for folder, count in candidates.items() if count == most]
    if most < len(names):
        lacking = [name for name in names if not best or (best[0] / name) not in present]
        remedy = " The names have backslashes: write '/'." if any('\\' in name for name in lacking) else ''
        raise MissingDataError(
            f"{len(lacking)} of {len(names)} {what} ('file_name') of '{file.path}' are not below '{files.root}': "
            f'{shown(lacking)}. Give the folder that holds them too, or remove them from the file.{remedy}'
        )
    likely = [folder for folder in best if is_likely(folder)] or best
    # The shortest path is the one at the top: copies lie deeper.
    return min(likely, key=lambda folder: (len(folder.parts), folder))


def _with_instances(split: Split, found: Sequence[CocoFile]) -> Split:
    """Add the file of instances that has the images and the things of a panoptic file."""
    things = {category['id'] for category in split.content['categories'] if category.get('isthing')}
    number = sum(s['category_id'] in things for entry in split.content['annotations'] for s in entry['segments_info'])
    ids = {image['id'] for image in split.content['images']}
    for file in found:
        same_images = {image['id'] for image in file.content['images']} == ids
        if same_images and len(file.content['annotations']) == number:
            return replace(split, instances=file.path)
    return split


def _note_unlisted(data: DataSplits, files: FolderFiles) -> None:
    """Count the images that lie beside those of a file, and that it does not list."""
    listed = {split.images / image['file_name'] for split in data.splits.values() for image in split.content['images']}
    folders = {path.parent for path in listed}
    rest = [path.name for path in files.images if path.parent in folders and path not in listed]
    if rest:
        data.notes.append(f'{len(rest)} images are in no annotation file and not used: {shown(rest)}.')
