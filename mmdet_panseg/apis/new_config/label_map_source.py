"""Label maps below a folder: which folders are images and which are their maps."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmdet_panseg.datasets.conversion import ClassList, read_class_list, semantic_to_panoptic
from mmdet_panseg.datasets.conversion.importers import SPLIT_NAMES, FolderFiles, read_json
from mmdet_panseg.datasets.errors import MissingDataError

from .splits import DataSplits, Split

IMAGE_FOLDERS = ('images', 'image', 'img', 'imgs', 'img_dir', 'jpegimages', 'leftimg8bit')
MAP_FOLDERS = (
    *('labels', 'label', 'masks', 'mask', 'label_maps', 'ann_dir', 'annotations', 'segmentationclass', 'gtfine'),
    *('segmentation', 'segmentations', 'seg', 'semantic'),
)
CLASS_FILES = ('meta.json', 'classes.json', 'classes.txt', 'labels.txt', 'label_names.txt')
ALL_IMAGES = 'all'
_FOLDER = 'label_maps'


@dataclass(frozen=True)
class MapLayout:
    """Where label maps are.

    Attributes:
        images: Folder of the images of a split relative to the root, with ``{split}`` in it if there are splits.
        label_maps: Folder of its label maps alike.
        splits: Names of the splits as the folders have them; ``all`` if there are none.
    """

    images: str
    label_maps: str
    splits: tuple[str, ...]


def find_label_maps(files: FolderFiles) -> MapLayout | None:
    """Find folders of images beside folders of PNG files that are called like label maps.

    Args:
        files: The folder.

    Returns:
        Where they are; None if there are no such folders.
    """
    root = files.root
    images, maps = _child(root, IMAGE_FOLDERS), _child(root, MAP_FOLDERS)
    if images and maps:
        splits = [name for name in _split_folders(root / images) if (root / maps / name).is_dir()]
        if splits:
            layout = MapLayout(f'{images}/{{split}}', f'{maps}/{{split}}', tuple(splits))
        else:
            layout = MapLayout(images, maps, (ALL_IMAGES,))
        return layout if _has_png(files, layout) else None
    splits = [name for name in _split_folders(root) if _child(root / name, IMAGE_FOLDERS)]
    pairs = {(_child(root / name, IMAGE_FOLDERS), _child(root / name, MAP_FOLDERS)) for name in splits}
    if len(pairs) != 1 or None in next(iter(pairs)):
        return None
    images, maps = next(iter(pairs))
    layout = MapLayout(f'{{split}}/{images}', f'{{split}}/{maps}', tuple(splits))
    return layout if _has_png(files, layout) else None


def _child(folder: Path, names: Sequence[str]) -> str | None:
    there = {entry.name.lower(): entry.name for entry in os.scandir(folder) if entry.is_dir()}
    return next((there[name] for name in names if name in there), None)


def _split_folders(folder: Path) -> list[str]:
    found = {SPLIT_NAMES.get(e.name.lower()): e.name for e in os.scandir(folder) if e.is_dir()}
    return [found[name] for name in ('train', 'val', 'test') if name in found]


def _has_png(files: FolderFiles, layout: MapLayout) -> bool:
    folder = files.root / layout.label_maps.format(split=layout.splits[0])
    return any(path.suffix.lower() == '.png' and folder in path.parents for path in files.images)


def read_label_maps(
    files: FolderFiles,
    layout: MapLayout,
    stage: Path,
    final: Path,
    things: Sequence[str] | None,
    classes: Sequence[str] | None,
) -> DataSplits:
    """Convert label maps to panoptic files.

    Args:
        files: The folder.
        layout: Where the maps are.
        stage: Folder to write to.
        final: Where that folder will be.
        things: Classes whose connected components are objects; None for none.
        classes: Class names in the order of their values, or a file with them; None looks for one in the folder.

    Returns:
        The data set.

    Raises:
        DatasetError: If the maps do not fit the images or the classes.
    """
    class_list = _class_list(files.root, classes)
    semantic_to_panoptic(
        files.root,
        stage / _FOLDER,
        list(things or ()),
        classes=class_list,
        splits=layout.splits,
        images=layout.images,
        label_maps=layout.label_maps,
        pictures='none',
        progress=False,
    )
    splits, annotations = {}, Path(_FOLDER, 'annotations')
    for name in layout.splits:
        content = read_json(stage / annotations / f'panoptic_{name}.json')
        instances = annotations / f'instances_{name}.json'
        splits[SPLIT_NAMES.get(name.lower(), 'train')] = Split(
            content,
            files.root / layout.images.format(split=name),
            final / annotations / f'panoptic_{name}',
            final / annotations / f'panoptic_{name}.json',
            final / instances if (stage / instances).is_file() else None,
        )
    notes = []
    if things:
        notes.append(
            'Objects of label maps are connected components: those that touch are one, and what is cut in two is two.'
        )
    else:
        notes.append(
            f'All {len(class_list.names)} classes are stuff, without objects: --things NAME ... makes objects of the '
            'connected components of classes.'
        )
    return DataSplits('label maps', splits, panoptic=True, notes=notes)


def _class_list(root: Path, classes: Sequence[str] | None) -> ClassList:
    if classes and len(classes) == 1 and Path(classes[0]).suffix.lower() in ('.json', '.txt'):
        return read_class_list(Path(classes[0]))
    if classes:
        return ClassList(tuple(classes))
    for name in CLASS_FILES:
        if (root / name).is_file():
            return read_class_list(root / name)
    raise MissingDataError(
        f"'{root}' has label maps, and no file says what their values mean ({', '.join(CLASS_FILES)}): name the "
        'classes in the order of their values by --classes NAME ..., or a file with one name a line.'
    )
