"""Writing of a whole data set of scenes, all of it or nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
from rich.progress import track

from mmdet_panseg.datasets.coco.records import thing_categories, write_json
from mmdet_panseg.datasets.staging import staged_folder

from .coco import CATEGORIES, scene_records
from .render import render_scene
from .settings import GENERATOR_VERSION, SPLITS, SceneSettings

SETTINGS_FILE = Path('annotations', 'settings.json')
_JPEG_QUALITY = 92


def _write_picture(path: Path, rgb, parameters: list[int]) -> None:
    if not cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), parameters):
        raise OSError(f'scenes: cannot write {path}: is the disk full?')


def _write_split(folder: Path, settings: SceneSettings, split: str, progress: bool) -> None:
    """Write images, panoptic PNGs and both JSON files of one split."""
    pictures, annotations = folder / 'images' / split, folder / 'annotations'
    pngs = annotations / f'panoptic_{split}'
    pictures.mkdir(parents=True)
    pngs.mkdir(parents=True)
    images, instances, panoptic = [], [], []
    for k in track(range(settings.num_images(split)), f'scenes {split}', disable=not progress):
        scene = render_scene(settings, split, k)
        # Annotation ids start at 1: COCO evaluation takes a match with id 0 for no match.
        records, infos, png = scene_records(scene, k, len(instances) + 1)
        images.append(dict(id=k, file_name=f'{k:06d}.jpg', width=settings.width, height=settings.height))
        panoptic.append(dict(image_id=k, file_name=f'{k:06d}.png', segments_info=infos))
        instances += records
        _write_picture(pictures / f'{k:06d}.jpg', scene.image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        _write_picture(pngs / f'{k:06d}.png', png, [])
    info = dict(description=f'mmdet_panseg scenes, {split}', version=str(GENERATOR_VERSION))
    write_json(
        annotations / f'instances_{split}.json',
        dict(info=info, images=images, annotations=instances, categories=thing_categories(CATEGORIES)),
    )
    write_json(
        annotations / f'panoptic_{split}.json',
        dict(info=info, images=images, annotations=panoptic, categories=CATEGORIES),
    )


def _already_there(root: Path, settings: SceneSettings, overwrite: bool) -> bool:
    """Whether ``root`` holds this very data set; raises where writing there would destroy something unasked."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    try:
        found = json.loads((root / SETTINGS_FILE).read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise FileExistsError(
            f'scenes: {root} exists and is no data set of scenes ({SETTINGS_FILE} is missing or unreadable): '
            'choose another root or remove it yourself'
        ) from error
    wanted = settings.to_dict()
    if found == wanted:
        return not overwrite
    if not overwrite:
        names = sorted(k for k in {**found, **wanted} if found.get(k) != wanted.get(k))
        changes = ', '.join(f'{k}={found.get(k)} there, {wanted.get(k)} wanted' for k in names)
        raise FileExistsError(
            f'scenes: {root} holds scenes made with other settings ({changes}): '
            'choose another root, or replace them with --overwrite (overwrite=True)'
        )
    return False


def make_scenes(
    root: str | os.PathLike = 'work_dirs/data/scenes',
    *,
    num_train: int = 1000,
    num_val: int = 200,
    size: tuple[int, int] = (320, 256),
    seed: int = 0,
    max_things: int = 12,
    min_size: int = 8,
    overwrite: bool = False,
    progress: bool = True,
) -> bool:
    """Make a data set of scenes in COCO layout, or reuse the one that is there.

    Under ``root`` lie ``images/{train,val}/000000.jpg``, ``annotations/instances_{train,val}.json``,
    ``annotations/panoptic_{train,val}.json`` with ``annotations/panoptic_{train,val}/000000.png``, and
    ``annotations/settings.json``. The same arguments give the same bytes (with the same OpenCV), and image k is the
    same however many images are made.

    Args:
        root: Folder of the data set; appears only when the set is complete.
        num_train: Number of training images.
        num_val: Number of validation images.
        size: Width and height in pixels.
        seed: Non-negative seed.
        max_things: Largest number of separate things placed in an image.
        min_size: Smallest size of a thing in pixels (square root of its box's area).
        overwrite: Make the set anew even if ``root`` holds scenes already.
        progress: Show a progress bar.

    Returns:
        True if the set was made, False if it was already there.

    Raises:
        ValueError: A setting is out of its range.
        FileExistsError: ``root`` holds scenes of other settings, or something else.
        ImportError: scikit-learn is missing.
    """
    root = Path(root).resolve()
    settings = SceneSettings(num_train, num_val, *size, seed=seed, max_things=max_things, min_size=min_size)
    if _already_there(root, settings, overwrite):
        return False
    with staged_folder(root) as stage:
        for split in SPLITS:
            _write_split(stage, settings, split, progress)
        write_json(stage / SETTINGS_FILE, settings.to_dict())
    return True
