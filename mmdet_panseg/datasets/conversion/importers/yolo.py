"""YOLO segmentation: a YAML file with classes and splits, and a text file of polygons for each image."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import yaml

from mmdet_panseg.datasets.errors import AnnotationFileError, MissingDataError, shown
from mmdet_panseg.datasets.images.image_headers import IMAGE_SUFFIXES, read_header

from .folder_files import FolderFiles
from .imported import ImportedData, ImportedImage, ImportedObject
from .shapes import polygon, rectangle

YAML_SUFFIXES = ('.yaml', '.yml')
_SPLITS = ('train', 'val', 'test')
_BOX_NUMBERS = 4


def is_yolo(path: Path) -> bool:
    """Whether a YAML file is one that YOLO's trainings take."""
    try:
        content = yaml.safe_load(path.read_text('utf-8'))
    except (yaml.YAMLError, UnicodeDecodeError, OSError):
        return False
    return isinstance(content, dict) and 'names' in content and 'train' in content


def read_yolo(files: FolderFiles, path: Path) -> ImportedData:
    """Read YOLO's files.

    Each line is an object of one polygon. Parts and holes are joined to it by bridges without width, as YOLO's own
    conversion from COCO writes them; they stay parts and holes, because masks are filled by the even-odd rule. Lines
    of four numbers are boxes, taken for rectangular objects. Images without a text file have no objects, as YOLO has
    it.

    Args:
        files: The folder.
        path: The YAML file.

    Returns:
        What they say.

    Raises:
        AnnotationFileError: If a file cannot be read.
        MissingDataError: If a split has no images, or labels have none.
    """
    content = _read_yaml(path)
    names = _class_names(content['names'], path)
    data = ImportedData('YOLO segmentation', classes=names)
    listed = {split: _images_of(entry, content, path, split) for split in _SPLITS if (entry := content.get(split))}
    if 'val' in listed and listed['val'] == listed.get('train'):
        # YOLO wants both keys: without a split of their own, files name one folder twice.
        data.note("YAML file whose 'val' is 'train', taken as without a split", path.name, 'val')
        listed = {None: listed['train']}
    for split, images in listed.items():
        name, found = split or 'train', 0
        for image in images:
            labels = _label_file(image)
            header = read_header(image)
            objects = []
            if labels.is_file():
                objects, found = _read_labels(labels, names, header.width, header.height, data), found + 1
            else:
                data.note('images without a text file, taken as without objects', image.name, name)
            data.images.append(ImportedImage(image, header.width, header.height, objects, split))
        if not found and split != 'test':
            raise MissingDataError(
                f"'{path}': none of the {len(images)} images of '{name}' has a text file, such as "
                f"'{_label_file(images[0])}'. Put labels into a folder 'labels' beside 'images', with the same folders "
                'in it.'
            )
    _refuse_lost_labels(files, data)
    data.note_unlisted(files.images, files.root, 'images of no split, left out')
    return data


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        return yaml.safe_load(path.read_text('utf-8'))
    except yaml.YAMLError as error:
        mark = getattr(error, 'problem_mark', None)
        line = '' if mark is None else f', line {mark.line + 1}'
        raise AnnotationFileError(f"'{path}'{line}: is not valid YAML; correct it.") from error


def _class_names(names: Any, path: Path) -> tuple[str, ...]:
    if isinstance(names, dict) and sorted(names) == list(range(len(names))):
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list) or not names or not all(isinstance(name, (str, int, float)) for name in names):
        raise AnnotationFileError(f"'{path}': 'names' must be a list of class names, or have the numbers 0, 1, ...")
    return tuple(map(str, names))


def _images_of(entry: Any, content: dict, path: Path, split: str) -> list[Path]:
    """List the images of a split: a folder, a text file with their names, or a list of these."""
    base = Path(path.parent, content.get('path') or '')
    if not base.is_dir():
        # Absolute paths, and ones relative to YOLO's own folder of data, are those of another machine.
        base = path.parent
    images: list[Path] = []
    for name in entry if isinstance(entry, list) else [entry]:
        place = base / str(name)
        if not place.exists() and str(name).startswith('../'):
            place = base / str(name)[3:]  # Roboflow's exports are one level off
        if place.is_dir():
            found = sorted(item for item in place.rglob('*') if item.suffix.lower() in IMAGE_SUFFIXES)
        elif place.is_file() and place.suffix == '.txt':
            lines = place.read_text('utf-8').splitlines()
            found = [_listed_image(line.strip(), base, place) for line in lines if line.strip()]
        else:
            raise MissingDataError(f"'{path}': '{split}' is '{name}', but '{place}' does not exist; correct it.")
        images += [item.resolve() for item in found]
    if not images:
        raise MissingDataError(f"'{path}': '{split}' ('{entry}') has no images; add them or remove the line.")
    return images


def _listed_image(line: str, base: Path, place: Path) -> Path:
    for candidate in (base / line, place.parent / line):
        if candidate.is_file():
            return candidate
    raise MissingDataError(f"'{place}' names '{line}', which does not exist; correct it.")


def _label_file(image: Path) -> Path:
    """Find the text file of an image: the last folder ``images`` in its path becomes ``labels``."""
    parts = list(image.with_suffix('.txt').parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == 'images':
            parts[place] = 'labels'
            break
    return Path(*parts)


def _read_labels(
    path: Path, names: tuple[str, ...], width: int, height: int, data: ImportedData
) -> list[ImportedObject]:
    objects = []
    try:
        lines = path.read_text('utf-8').splitlines()
    except (UnicodeDecodeError, OSError) as error:
        raise AnnotationFileError(f"'{path}': cannot be read as text ({error}); write it again.") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            objects.append(_read_line(line, names, width, height, data))
        except ValueError as error:
            raise AnnotationFileError(f"'{path}', line {number}: {error}; correct it.") from error
    return objects


def _read_line(line: str, names: tuple[str, ...], width: int, height: int, data: ImportedData) -> ImportedObject:
    values = [float(word) for word in line.split()]
    if not all(map(math.isfinite, values)):
        raise ValueError('numbers that are not finite')
    label, numbers = values[0], values[1:]
    if label not in range(len(names)):
        raise ValueError(f'class {label:g}, where names has 0 to {len(names) - 1}')
    if numbers and not -1 <= min(numbers) <= max(numbers) <= 2:
        raise ValueError('coordinates that are no fractions of the size of the image, 0 to 1')
    name = names[int(label)]
    if len(numbers) == _BOX_NUMBERS:
        x, y, w, h = numbers
        data.boxes += 1
        left, top, right, bottom = (x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height
        return ImportedObject(name, [rectangle(left, top, right, bottom)])
    if len(numbers) % 2:
        raise ValueError(f'{len(numbers)} coordinates, which are no pairs')
    points = [(numbers[k] * width, numbers[k + 1] * height) for k in range(0, len(numbers), 2)]
    return ImportedObject(name, [polygon(points)])


def _refuse_lost_labels(files: FolderFiles, data: ImportedData) -> None:
    """Raise if text files in the folders of labels have no image."""
    expected = {_label_file(path) for path in files.images}
    folders = {_label_file(image.path).parent for image in data.images}
    lost = [
        path.relative_to(files.root).as_posix()
        for path in files.others.get('.txt', [])
        if path.parent in folders and path not in expected and path.name != 'classes.txt' and _is_labels(path)
    ]
    if lost:
        raise MissingDataError(
            f"{len(lost)} text files of labels below '{files.root}' have no image: {shown(lost)}. Add the images or "
            'remove the files.'
        )


def _is_labels(path: Path) -> bool:
    first = path.read_text('utf-8', errors='replace').partition('\n')[0].split()
    return len(first) > _BOX_NUMBERS and all(word.replace('.', '', 1).replace('-', '').isdigit() for word in first)
