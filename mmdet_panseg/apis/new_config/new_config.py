"""From a folder of images and annotations to a config that trains on them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmdet.registry import DATASETS
from mmengine.device import get_device

from mmdet_panseg.datasets.coco.records import write_json
from mmdet_panseg.datasets.conversion.importers import (
    MADE_HERE,
    FolderFiles,
    list_files,
    read_cvat,
    read_label_studio,
    read_labelme,
    read_yolo,
)
from mmdet_panseg.datasets.staging import staged_folder
from mmdet_panseg.engine import load_config
from mmdet_panseg.errors import ConfigError

from .class_checks import check_classes
from .coco_source import read_coco
from .config_text import config_text
from .image_kinds import look_at_images
from .label_map_source import read_label_maps
from .measures import measure
from .panoptic_instances import instances_of
from .recognition import Recognised, recognise
from .settings import CPU, GPU, Device, Settings, choose_settings
from .splits import DataSplits, notes_on_empty, splits_of_import, with_validation

_RECIPES = 'mmdet_panseg::recipes/{}.py'
TASKS = ('auto', 'instance', 'panoptic')


@dataclass(frozen=True)
class NewConfig:
    """What was made.

    Attributes:
        path: The config.
        data: The data set.
        settings: What was chosen for it.
        device: ``'cpu'`` or ``'gpu'``.
        made: Folder of converted annotations; None if the data's own are used.
    """

    path: Path
    data: DataSplits
    settings: Settings
    device: str
    made: Path | None


def new_config(
    root: str | os.PathLike,
    out: str | os.PathLike,
    *,
    format: str | None = None,
    task: str = 'auto',
    annotations: Sequence[str | os.PathLike] | None = None,
    things: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    device: str = 'auto',
    converted: str | os.PathLike | None = None,
    val_share: float = 0.2,
    seed: int = 0,
    overwrite: bool = False,
) -> NewConfig:
    """Look at a folder of images and annotations, and write a config that trains on them.

    The source is not changed and images are not copied. Annotations that are not COCO's are converted, and a validation
    set is chosen where there is none; the files of both lie in a folder beside the config. The config is a few lines on
    a recipe, with sizes, grids and schedule that follow from the objects.

    Args:
        root: The folder.
        out: The config to write.
        format: What the annotations are, a key of :data:`.recognition.FORMATS`; None finds out.
        task: ``'instance'``, ``'panoptic'``, or ``'auto'`` for panoptic where there are such files.
        annotations: Annotation files to use where the folder has others too.
        things: Of label maps the classes whose connected components are objects.
        classes: Of label maps the names in the order of their values, or a file with them.
        device: ``'cpu'``, ``'gpu'``, or ``'auto'`` for a GPU if there is one.
        converted: Folder to make for converted annotations; None for ``<name of the config>_data`` beside it.
        val_share: Part of the images for validation, where the data have no such split.
        seed: Of that choice.
        overwrite: Replace a config, and a folder that this function made.

    Returns:
        What was made.

    Raises:
        UserError: If that cannot be; each text names the file and the remedy.
    """
    out = Path(out).resolve()
    made = out.with_name(f'{out.stem}_data') if converted is None else Path(converted).resolve()
    _refuse_existing(out, made, overwrite)
    if not 0 < val_share < 1:
        raise ConfigError(f'--val-share {val_share}: must be between 0 and 1.')
    chosen_device = _device(device)
    files = list_files(Path(root))
    found = recognise(files, format, None if annotations is None else [Path(path) for path in annotations])
    if things and found.maps is None:
        raise ConfigError(
            f'--things is for label maps, and these are {found.format}: the annotations say what things are.'
        )
    if found.coco:
        data = with_validation(read_coco(files, found.coco, task, annotations is not None), val_share, seed)
        complete = not _unwritten(data)
    else:
        data, complete = None, False
    if complete:
        check_classes(data.splits)
        return _finish(data, out, files, None, chosen_device)
    with staged_folder(made) as stage:
        if data is None:
            data = with_validation(_convert(found, files, stage, made, things, classes), val_share, seed)
        check_classes(data.splits)
        data = _write_splits(data, stage, made)
        write_json(stage / MADE_HERE, dict(source=str(files.root), format=found.format, seed=seed, val_share=val_share))
    try:
        return _finish(data, out, files, made, chosen_device)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _refuse_existing(out: Path, made: Path, overwrite: bool) -> None:
    if out.suffix != '.py':
        raise ConfigError(f"--out '{out}': a config is a Python file; give it a name that ends in .py.")
    if out.is_dir() or not out.parent.is_dir():
        raise ConfigError(f"--out '{out}': {'is a folder' if out.is_dir() else 'its folder does not exist'}.")
    if out.exists() and not overwrite:
        raise ConfigError(f"--out '{out}' exists: choose another name, or replace it with --overwrite.")
    if not made.exists():
        return
    if not (made / MADE_HERE).is_file():
        raise ConfigError(
            f"'{made}' exists and was not made by panseg new ({MADE_HERE} is missing): choose another folder for "
            'annotations by --converted, or remove it yourself.'
        )
    if not overwrite:
        raise ConfigError(f"'{made}' exists: choose another folder by --converted, or replace it with --overwrite.")


def _device(name: str) -> Device:
    if name == 'auto':
        name = 'cpu' if get_device() == 'cpu' else 'gpu'
    return GPU if name == 'gpu' else CPU


def _convert(
    found: Recognised,
    files: FolderFiles,
    stage: Path,
    made: Path,
    things: Sequence[str] | None,
    classes: Sequence[str] | None,
) -> DataSplits:
    if found.maps is not None:
        return read_label_maps(files, found.maps, stage, made, things, classes)
    if found.format == 'yolo':
        if len(found.paths) > 1:
            names = ', '.join(path.name for path in found.paths)
            raise ConfigError(
                f"'{files.root}' has {len(found.paths)} YAML files of YOLO ({names}): --annotations FILE."
            )
        return splits_of_import(read_yolo(files, found.paths[0]), files.root)
    readers = dict(labelme=read_labelme, cvat=read_cvat, labelstudio=read_label_studio)
    return splits_of_import(readers[found.format](files, found.paths), files.root)


def _unwritten(data: DataSplits) -> list[str]:
    """Names of the splits of which a file is to be written."""
    return [name for name, split in data.splits.items() if split.path is None or _lacks_instances(data, name)]


def _lacks_instances(data: DataSplits, name: str) -> bool:
    split = data.splits[name]
    has_things = any(category.get('isthing') for category in split.content['categories'])
    return data.panoptic and name != 'train' and has_things and split.instances is None


def _write_splits(data: DataSplits, stage: Path, made: Path) -> DataSplits:
    """Write the files that there are not."""
    splits = dict(data.splits)
    for name in _unwritten(data):
        split = splits[name]
        if split.path is None:
            kind = 'panoptic' if data.panoptic else 'instances'
            split = replace(split, path=_write(split.content, f'{kind}_{name}.json', stage, made))
        if _lacks_instances(data, name):
            content = instances_of(split.content, _staged(split.segments, stage, made))
            split = replace(split, instances=_write(content, f'instances_{name}.json', stage, made))
        splits[name] = split
    return replace(data, splits=splits)


def _staged(folder: Path, stage: Path, made: Path) -> Path:
    """Where a folder is while that of the annotations is not in its place."""
    return stage / folder.relative_to(made) if made in folder.parents else folder


def _write(content: dict, name: str, stage: Path, made: Path) -> Path:
    write_json(stage / name, content)
    return made / name


def _finish(data: DataSplits, out: Path, files: FolderFiles, made: Path | None, device: Device) -> NewConfig:
    """Choose the settings, and write the config once its data sets load."""
    paths = (split.images / image['file_name'] for split in data.splits.values() for image in split.content['images'])
    kinds = look_at_images(paths)
    settings = choose_settings(measure(data.splits['train'].content), device, data.panoptic)
    base = _RECIPES.format(f'{"panoptic" if data.panoptic else "instance"}_{device.name}')
    text = config_text(data, settings, device, base, out, files.root, made, kinds.bit_depth)
    trial = out.with_name(f'{out.stem}_trial_{os.getpid()}.py')
    try:
        trial.write_text(text, encoding='utf-8')
        _load_data_sets(trial)
        trial.replace(out)
    finally:
        trial.unlink(missing_ok=True)
    notes = [*data.notes, *notes_on_empty(data.splits), *kinds.notes]
    return NewConfig(out, replace(data, notes=notes), settings, device.name, made)


def _load_data_sets(path: Path) -> None:
    """Build what the config trains and tests on, whose checks find what cannot work."""
    config = load_config(path)
    data_sets = [config[f'{loop}_dataloader'].dataset for loop in ('train', 'val', 'test')]
    for data_set in data_sets[:2] if data_sets[1] == data_sets[2] else data_sets:
        DATASETS.build({**data_set, 'serialize_data': False})
