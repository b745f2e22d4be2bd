"""Importers of annotation tools' files, which keep holes, parts and ids."""

from __future__ import annotations

from .coco_records import annotation_record, coco_content
from .cvat import cvat_kind, read_cvat
from .folder_files import MADE_HERE, SPLIT_NAMES, FolderFiles, list_files, split_of
from .imported import ImportedData, ImportedImage, ImportedObject, PlacedMask
from .json_files import read_json
from .label_studio import is_label_studio, is_label_studio_min, read_label_studio
from .labelme import is_labelme, read_labelme
from .yolo import YAML_SUFFIXES, is_yolo, read_yolo

__all__ = [
    'MADE_HERE',
    'SPLIT_NAMES',
    'YAML_SUFFIXES',
    'FolderFiles',
    'ImportedData',
    'ImportedImage',
    'ImportedObject',
    'PlacedMask',
    'annotation_record',
    'coco_content',
    'cvat_kind',
    'is_label_studio',
    'is_label_studio_min',
    'is_labelme',
    'is_yolo',
    'list_files',
    'read_cvat',
    'read_json',
    'read_label_studio',
    'read_labelme',
    'read_yolo',
    'split_of',
]
