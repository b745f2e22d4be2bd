"""What importers make of foreign annotations: images with objects that have parts, in pixels of the image as shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmdet_panseg.datasets.coco.annotation_report import Finding
from mmdet_panseg.datasets.errors import AnnotationFileError, shown


@dataclass(frozen=True)
class PlacedMask:
    """Pixels of a part of an object.

    Attributes:
        pixels: Bool array of shape (h, w).
        left: Column of its first pixel in the image.
        top: Row of its first pixel in the image.
    """

    pixels: np.ndarray
    left: int = 0
    top: int = 0


Part = np.ndarray | PlacedMask
"""A polygon, float64 of shape (P, 2), x and y in pixels; or a mask."""


@dataclass
class ImportedObject:
    """One object; the union of its parts is its mask.

    Attributes:
        label: Its class.
        parts: Polygons and masks.
        source_id: What the source calls it, or the group of its parts; None if nothing.
    """

    label: str
    parts: list[Part]
    source_id: str | int | None = None


@dataclass
class ImportedImage:
    """One image.

    Attributes:
        path: Its file.
        width: Width in pixels as it is shown, so after the rotation that EXIF asks for.
        height: Height alike.
        objects: Its objects.
        split: Name of its split as the source has it, None if it has none.
    """

    path: Path
    width: int
    height: int
    objects: list[ImportedObject]
    split: str | None = None


@dataclass
class ImportedData:
    """All that was read.

    Attributes:
        source: Name of the format.
        classes: Class names in the order of the source.
        images: The images.
        findings: What was left out or taken otherwise than it is written: text, and how often.
        boxes: Number of objects that are boxes in the source, taken for rectangular masks.
    """

    source: str
    classes: tuple[str, ...] = ()
    images: list[ImportedImage] = field(default_factory=list)
    findings: dict[str, Finding] = field(default_factory=dict)
    boxes: int = 0

    def note(self, text: str, identifier: object, file_name: str) -> None:
        """Count one thing that the user should know."""
        self.findings.setdefault(text, Finding()).add(identifier, file_name)

    def note_unlisted(self, paths: Iterable[Path], root: Path, text: str) -> None:
        """Count the images below ``root`` that are none of the data set's."""
        listed = {image.path for image in self.images}
        for path in paths:
            if path not in listed:
                self.note(text, path.name, path.relative_to(root).parent.as_posix())

    def notes(self) -> list[str]:
        """Give the findings as sentences, most frequent first."""
        ranked = sorted(self.findings.items(), key=lambda item: -item[1].count)
        return [f'{finding.count} {text}: {finding.shown()}.' for text, finding in ranked]

    def refuse_repeated(self) -> None:
        """Raise :class:`AnnotationFileError` if an image is annotated in two places."""
        counts = Counter(image.path for image in self.images)
        twice = [path.name for path, count in counts.items() if count > 1]
        if twice:
            raise AnnotationFileError(
                f'{len(twice)} images are annotated in several places of the {self.source} files: {shown(twice)}. '
                'Remove all annotations but one, or give images of one name their own.'
            )

    def add_classes(self, names: Iterable[str]) -> None:
        """Add the names that are not there yet."""
        self.classes = tuple(dict.fromkeys([*self.classes, *names]))


def join_groups(objects: Iterable[tuple[ImportedObject, object]]) -> list[ImportedObject]:
    """Make one object of the shapes of a class that have a group in common.

    Args:
        objects: Shapes and their groups; those whose group is None are objects of their own.

    Returns:
        The objects, in the order of their first shapes.
    """
    joined: list[ImportedObject] = []
    of_group: dict[tuple[str, object], ImportedObject] = {}
    for item, group in objects:
        first = None if group is None else of_group.get((item.label, group))
        if first is not None:
            first.parts += item.parts
            continue
        joined.append(item)
        if group is not None:
            of_group[item.label, group] = item
    return joined
