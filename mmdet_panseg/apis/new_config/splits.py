"""The splits of a data set as COCO content, and a validation set where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmdet_panseg.datasets.conversion.coco_parts import classes_of_images, part_of_content
from mmdet_panseg.datasets.conversion.importers import ImportedData, coco_content
from mmdet_panseg.datasets.conversion.stratified_split import choose_validation
from mmdet_panseg.datasets.errors import AnnotationFileError, DatasetError, MissingDataError, shown


@dataclass(frozen=True)
class Split:
    """Images and annotations of a split.

    Attributes:
        content: Content of its COCO file, of instances or panoptic.
        images: Folder to which its file names are relative.
        segments: Folder of its panoptic PNG files; None for instances.
        path: The file that has this content; None if it is to be written.
        instances: Of panoptic data the file of instances with the same images, for AP; None if there is none.
    """

    content: dict[str, Any]
    images: Path
    segments: Path | None = None
    path: Path | None = None
    instances: Path | None = None

    @property
    def num_images(self) -> int:
        """Number of its images."""
        return len(self.content['images'])


@dataclass
class DataSplits:
    """A data set.

    Attributes:
        source: What it was recognised as.
        splits: The splits that there are, by the names train, val and test.
        panoptic: Whether it has things and stuff, in panoptic files.
        notes: What the user should know.
    """

    source: str
    splits: dict[str, Split]
    panoptic: bool = False
    notes: list[str] = field(default_factory=list)


def splits_of_import(data: ImportedData, root: Path) -> DataSplits:
    """Make COCO content of what an importer read.

    Args:
        data: What was read.
        root: Folder to which file names shall be relative.

    Returns:
        The splits that the source has; ``train`` alone if it has none.

    Raises:
        DatasetError: If nothing can be learnt from it, an image is there twice, or some images alone are in splits.
    """
    data.refuse_repeated()
    objects = sum(len(image.objects) for image in data.images)
    if not objects:
        raise MissingDataError(
            f"The {data.source} files of '{root}' have no object with a mask on {len(data.images)} images. "
            f'{" ".join(data.notes())}'
        )
    if data.boxes == objects:
        raise AnnotationFileError(
            f"All {objects} objects of the {data.source} files of '{root}' are boxes: masks are learnt from outlines. "
            'Draw polygons, or use a detector of boxes.'
        )
    groups: dict[str | None, list] = {}
    for image in data.images:
        groups.setdefault(image.split, []).append(image)
    if None in groups and len(groups) > 1:
        names = shown([image.path.name for image in groups[None]])
        others = ', '.join(sorted(filter(None, groups)))
        raise DatasetError(
            f"{len(groups[None])} images of '{root}' are in none of the splits {others} "
            f'that the others are in: {names}. Move them, or remove the names of splits.'
        )
    splits = {name or 'train': Split(coco_content(data, images, root), root) for name, images in groups.items()}
    notes = data.notes()
    if data.boxes:
        notes.append(f'{data.boxes} of {objects} objects are boxes, taken for objects that are rectangles.')
    return DataSplits(data.source, splits, notes=notes)


def with_validation(data: DataSplits, share: float, seed: int) -> DataSplits:
    """Split a validation set off the images to train on where there is none.

    Args:
        data: The data set, with ``train`` among its splits.
        share: Part of the images to take.
        seed: Of the choice.

    Returns:
        The data set; the one given if it has ``val``.

    Raises:
        MissingDataError: If there is nothing to train on, or a single image.
    """
    if 'train' not in data.splits:
        raise MissingDataError(
            f'There is a split {" and ".join(data.splits)}, and none to train on: name one train, or name a file as '
            'that of all images by --annotations.'
        )
    if 'val' in data.splits:
        return data
    train = data.splits['train']
    if train.num_images < 2:
        raise MissingDataError(
            f"'{train.images}': one image is annotated, and training and validation need one each; annotate more."
        )
    classes = classes_of_images(train.content)
    chosen = choose_validation(classes, share, seed)
    ids = [image['id'] for image in train.content['images']]
    notes = list(data.notes)
    if not chosen:
        notes.append(
            'Every image has a class that no other has, so the first image is for validation and for training: its '
            'figures say nothing about new images.'
        )
        held, kept = {ids[0]}, set(ids)
    else:
        held = {ids[index] for index in chosen}
        kept = set(ids) - held
        notes.append(f'{len(held)} of {len(ids)} images are for validation, chosen by classes with seed {seed}.')
        notes += _lonely_classes(train.content, [classes[index] for index in chosen])
    parts = {
        name: replace(train, content=part_of_content(train.content, image_ids), path=None, instances=None)
        for name, image_ids in (('train', kept), ('val', held))
    }
    return replace(data, splits={**data.splits, **parts}, notes=notes)


def notes_on_empty(splits: Mapping[str, Split]) -> list[str]:
    """Count and name images without objects, and classes without objects to learn from.

    Args:
        splits: The splits.

    Returns:
        A sentence for each kind that there is.
    """
    notes, found = [], []
    for split in splits.values():
        classes = classes_of_images(split.content)
        found += [i['file_name'] for i, on_it in zip(split.content['images'], classes, strict=True) if not on_it]
    if found:
        total = sum(split.num_images for split in splits.values())
        notes.append(
            f'{len(found)} of {total} images have no objects, from which background is learnt: {shown(found)}.'
        )
    content = splits['train'].content
    used = frozenset().union(*classes_of_images(content))
    unused = [category['name'] for category in content['categories'] if category['id'] not in used]
    if unused:
        notes.append(f'{len(unused)} classes have no objects to learn from: {shown(unused)}.')
    return notes


def _lonely_classes(content: dict[str, Any], held: list[frozenset]) -> list[str]:
    """Name the classes that have objects, and none for validation."""
    there = frozenset().union(*held)
    used = frozenset().union(*classes_of_images(content))
    names = [category['name'] for category in content['categories'] if category['id'] in used - there]
    if not names:
        return []
    return [f'{len(names)} classes are on too few images to be in both: {shown(names)} are for training alone.']
