"""What the files below a folder are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmdet_panseg.datasets.conversion.importers import (
    YAML_SUFFIXES,
    FolderFiles,
    cvat_kind,
    is_label_studio,
    is_label_studio_min,
    is_labelme,
    is_yolo,
    read_json,
)
from mmdet_panseg.datasets.errors import AnnotationFileError, MissingDataError, shown
from mmdet_panseg.errors import ConfigError

from .coco_source import CocoFile, coco_file, is_coco
from .label_map_source import MapLayout, find_label_maps

FORMATS = {
    'coco': 'COCO (JSON with images, annotations and categories; panoptic: with a folder of PNG files)',
    'yolo': 'YOLO segmentation (a YAML with names and train, and text files)',
    'labelme': 'LabelMe (a JSON with shapes and imagePath for each image)',
    'cvat': 'CVAT for images 1.1 (XML)',
    'labelstudio': 'Label Studio (JSON export)',
    'maps': 'label maps (folders images and labels or masks, with 8-bit PNG files)',
}


@dataclass
class Recognised:
    """What was found.

    Attributes:
        format: A key of :data:`FORMATS`.
        paths: Its annotation files.
        coco: COCO files, of that format.
        maps: Where label maps are, of that format.
    """

    format: str
    paths: list[Path] = field(default_factory=list)
    coco: list[CocoFile] = field(default_factory=list)
    maps: MapLayout | None = None


def recognise(files: FolderFiles, wanted: str | None = None, annotations: Sequence[Path] | None = None) -> Recognised:
    """Find out what a folder holds.

    Args:
        files: The folder.
        wanted: The format to take, a key of :data:`FORMATS`; None for the one that there is.
        annotations: The annotation files to look at; None for all.

    Returns:
        What it holds.

    Raises:
        MissingDataError: If it is nothing that is known, or not what is wanted.
        AnnotationFileError: If a file cannot be read.
        ConfigError: If several formats are there.
    """
    found = _all_found(files, annotations)
    if wanted is not None:
        found = {wanted: found[wanted]} if wanted in found else {}
    if not found:
        looked = [FORMATS[wanted]] if wanted else list(FORMATS.values())
        raise MissingDataError(
            f"'{files.root}' has no annotations that are known. Looked for: {'; '.join(looked)}. Found: "
            f'{files.summary()}.'
        )
    if len(found) > 1:
        listed = '; '.join(f'{name} ({shown([p.name for p in item.paths])})' for name, item in found.items())
        raise ConfigError(
            f"'{files.root}' has annotations of {len(found)} kinds: {listed}. Say which is meant: --format "
            f'{next(iter(found))}.'
        )
    return next(iter(found.values()))


def _all_found(files: FolderFiles, annotations: Sequence[Path] | None) -> dict[str, Recognised]:
    others = files.others
    found: dict[str, Recognised] = {}

    def add(name: str, path: Path) -> Recognised:
        item = found.setdefault(name, Recognised(name))
        item.paths.append(path)
        return item

    for path in _named(annotations, '.json') if annotations else others.get('.json', []):
        content = read_json(path) if annotations else _json_of_one_value(path)
        if is_coco(content):
            root = files.root if files.root in path.parents else path.parent
            add('coco', path).coco.append(coco_file(path, content, root))
        elif is_labelme(content):
            add('labelme', path)
        elif is_label_studio(content):
            add('labelstudio', path)
        elif is_label_studio_min(content):
            raise AnnotationFileError(f"'{path}' is Label Studio's JSON-MIN: export the project as JSON.")
        elif annotations:
            raise AnnotationFileError(f"--annotations '{path}': is no JSON of COCO, LabelMe or Label Studio.")
    for path in _named(annotations, '.xml') if annotations else others.get('.xml', []):
        if cvat_kind(path):
            add('cvat', path)
    yamls = [path for suffix in YAML_SUFFIXES for path in others.get(suffix, [])]
    for path in _named(annotations, *YAML_SUFFIXES) if annotations else yamls:
        if is_yolo(path):
            add('yolo', path)
    maps = None if found else find_label_maps(files)
    if maps is not None:
        found['maps'] = Recognised('maps', maps=maps)
    return found


def _json_of_one_value(path: Path) -> Any:
    """Read a JSON file; None for one of several values, which logs of trainings are and no annotations."""
    try:
        return read_json(path)
    except AnnotationFileError as error:
        if isinstance(error.__cause__, json.JSONDecodeError) and error.__cause__.msg == 'Extra data':
            return None
        raise


def _named(annotations: Sequence[Path], *suffixes: str) -> list[Path]:
    missing = [path for path in annotations if not path.is_file()]
    if missing:
        raise MissingDataError(f"--annotations '{missing[0]}' does not exist; correct it.")
    return [path.resolve() for path in annotations if path.suffix.lower() in suffixes]
