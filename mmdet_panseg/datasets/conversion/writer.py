"""Writing of a COCO panoptic data set from label maps, all of it or nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from rich.progress import track

from mmdet_panseg.datasets.coco.records import panoptic_categories, segment_records, thing_categories, write_json
from mmdet_panseg.datasets.errors import DatasetError
from mmdet_panseg.datasets.staging import staged_folder
from mmdet_panseg.ops import MAX_SEGMENTS, VOID_LABEL

from .components import SMALL_THINGS, split_label_map
from .label_classes import ClassList, LabelClass, choose_label_classes, read_class_list
from .label_files import LabelledImage, pair_files, read_label_map
from .summary import ConversionSummary, SplitCounts

CLASS_FILE = 'meta.json'
SETTINGS_FILE = Path('annotations', 'semantic_to_panoptic.json')
PICTURES = ('link', 'copy', 'none')
WEAK_INSTANCES = (
    'The instances are weak: they are 8-connected components of label maps. Objects of one class that touch are one '
    'instance; an object that something in front of it cuts in two is two.'
)


@dataclass(frozen=True)
class _Settings:
    """What decides the segments."""

    classes: tuple[LabelClass, ...]
    void: frozenset[int]
    min_area: int
    small: str

    def categories(self) -> list[dict]:
        """Make the categories of the panoptic files."""
        names, colours = zip(*((item.name, item.colour) for item in self.classes), strict=True)
        return panoptic_categories(names, sum(item.is_thing for item in self.classes), colours)

    def to_dict(self) -> dict:
        return dict(
            weak_instances=any(label_class.is_thing for label_class in self.classes),
            things=[label_class.name for label_class in self.classes if label_class.is_thing],
            values={label_class.name: label_class.value for label_class in self.classes},
            void=sorted(self.void),
            min_area=self.min_area,
            small=self.small,
        )


def semantic_to_panoptic(
    root: str | os.PathLike,
    out: str | os.PathLike,
    things: Sequence[str],
    *,
    classes: ClassList | None = None,
    splits: Sequence[str] = ('train', 'val'),
    images: str = 'images/{split}',
    label_maps: str = 'labels/{split}',
    image_suffix: str | None = None,
    map_suffix: str = '.png',
    void: Collection[int] | None = None,
    min_area: int = 25,
    small: str = 'void',
    pictures: str = 'link',
    overwrite: bool = False,
    progress: bool = True,
) -> ConversionSummary:
    """Make a COCO panoptic data set from images and semantic label maps.

    Under ``out`` appear, for each split, ``annotations/panoptic_{split}.json`` with the folder
    ``annotations/panoptic_{split}`` of PNG files, ``annotations/instances_{split}.json`` (with things only) and
    ``images/{split}``. The instances are weak, which the key ``info`` of the files says as well.

    Args:
        root: Folder of the source.
        out: Folder to be made; it appears only when all is written.
        things: Names of the classes whose 8-connected components become instances. All others are stuff.
        classes: The classes of the label maps; None reads ``meta.json`` in ``root``, see :func:`.read_class_list`.
        splits: Names of the splits.
        images: Folder of the images of a split, relative to ``root``.
        label_maps: Folder of its label maps, relative to ``root``: 8-bit PNGs, greyscale or palette.
        image_suffix: How names of images end; None for the usual formats.
        map_suffix: How names of label maps end.
        void: Labels that mean no class; None for the class list's own, or 255.
        min_area: Fewest pixels of an instance.
        small: What smaller components become, ``'void'`` or (all of a class together) ``'crowd'``.
        pictures: Whether ``images/{split}`` is a link to the folder of images or a copy, or ``'none'``.
        overwrite: Replace an ``out`` that this function made before.
        progress: Show a progress bar.

    Returns:
        Counts of what was made.

    Raises:
        DatasetError: The source does not fit together; each text names the file and the remedy.
        FileExistsError: ``out`` exists and must not be replaced.
        ValueError: A setting is out of its range.
    """
    root, out = Path(root).resolve(), Path(out).resolve()
    if min_area < 1 or small not in SMALL_THINGS or pictures not in PICTURES:
        raise ValueError(f'min_area={min_area!r}, small={small!r} or pictures={pictures!r} is out of range.')
    _refuse_foreign(out, overwrite)
    class_list = classes or read_class_list(root / CLASS_FILE)
    if void is None:
        void = {VOID_LABEL if class_list.void is None else class_list.void}
    settings = _Settings(choose_label_classes(class_list, things, void), frozenset(void), min_area, small)
    folders = {split: root / images.format(split=split) for split in splits}
    if len(set(folders.values())) < len(splits):
        raise DatasetError(
            f'--split {" ".join(splits)}: the splits need folders of their own; write {{split}} in them.'
        )
    pairs = {
        split: pair_files(folder, root / label_maps.format(split=split), image_suffix, map_suffix)
        for split, folder in folders.items()
    }
    counts = {}
    with staged_folder(out) as stage:
        for split in splits:
            counts[split] = _write_split(stage, split, pairs[split], settings, progress)
            _give_pictures(stage / 'images' / split, folders[split], pairs[split], pictures)
        write_json(stage / SETTINGS_FILE, settings.to_dict())
    return ConversionSummary(settings.classes, min_area, small, counts)


def _refuse_foreign(out: Path, overwrite: bool) -> None:
    """Raise where writing would destroy something unasked."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / SETTINGS_FILE).is_file():
        raise FileExistsError(
            f"'{out}' exists and was not made by this conversion ({SETTINGS_FILE} is missing): choose another folder, "
            'or remove it yourself.'
        )
    if not overwrite:
        raise FileExistsError(f"'{out}' exists: choose another folder, or replace it with --overwrite.")


def _write_split(
    stage: Path, split: str, pairs: Sequence[LabelledImage], settings: _Settings, progress: bool
) -> SplitCounts:
    """Write panoptic PNGs and both JSON files of one split."""
    annotations = stage / 'annotations'
    known = settings.void.union(label_class.value for label_class in settings.classes)
    counts = SplitCounts(settings.classes)
    categories = settings.categories()
    images, instances, panoptic = [], [], []
    for image_id, pair in enumerate(track(pairs, f'label maps {split}', disable=not progress)):
        label_map = read_label_map(pair.label_map, known)
        found = split_label_map(label_map, settings.classes, settings.min_area, settings.small)
        if len(found.segments) > MAX_SEGMENTS:
            raise DatasetError(
                f"Label map '{pair.label_map}' has {len(found.segments)} segments, more than the {MAX_SEGMENTS} that "
                'can be loaded; raise --min-area.'
            )
        counts.add(found)
        # Annotation ids start at 1: COCO evaluation takes a match with id 0 for no match.
        records, infos, png = segment_records(
            found.segment_map, found.segments, categories, image_id, len(instances) + 1
        )
        png_name = Path(pair.name).with_suffix('.png')
        images.append(dict(id=image_id, file_name=pair.name, width=pair.width, height=pair.height))
        panoptic.append(dict(image_id=image_id, file_name=png_name.as_posix(), segments_info=infos))
        instances += records
        target = annotations / f'panoptic_{split}' / png_name
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(png).save(target)
    description = f'Made from semantic label maps by semantic_to_panoptic, {split}.'
    if settings.to_dict()['weak_instances']:
        description += ' ' + WEAK_INSTANCES
    shared = dict(info=dict(description=description, **settings.to_dict()), images=images)
    write_json(annotations / f'panoptic_{split}.json', dict(shared, annotations=panoptic, categories=categories))
    if things := thing_categories(categories):
        write_json(annotations / f'instances_{split}.json', dict(shared, annotations=instances, categories=things))
    return counts


def _give_pictures(target: Path, folder: Path, pairs: Sequence[LabelledImage], pictures: str) -> None:
    """Put the images of a split where the data set is, as a link or a copy."""
    if pictures == 'none':
        return
    target.parent.mkdir(exist_ok=True)
    if pictures == 'link':
        target.symlink_to(folder, target_is_directory=True)
        return
    for pair in pairs:
        (target / pair.name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(pair.image, target / pair.name)
