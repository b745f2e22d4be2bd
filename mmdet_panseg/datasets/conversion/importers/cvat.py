"""CVAT for images 1.1: one XML with polygons, masks, ellipses and boxes of all images."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from mmdet_panseg.datasets.errors import AnnotationFileError, MissingDataError, shown
from mmdet_panseg.datasets.images.image_headers import read_header

from .folder_files import SPLIT_NAMES, FolderFiles, split_of
from .imported import ImportedData, ImportedImage, ImportedObject, Part, PlacedMask, join_groups
from .shapes import ellipse, polygon, rectangle, rotated

SHAPES = ('polygon', 'mask', 'box', 'ellipse')
WITHOUT_AREA = ('points', 'polyline', 'cuboid', 'skeleton')


def cvat_kind(path: Path) -> str | None:
    """Say which export of CVAT an XML file is: ``'image'``, ``'track'`` (of a video), or None if it is none."""
    try:
        for number, (_, element) in enumerate(ElementTree.iterparse(path, ('start',))):
            if number == 0 and element.tag != 'annotations':
                return None
            if element.tag in ('image', 'track'):
                return element.tag
    except (ElementTree.ParseError, OSError):
        return None
    return None


def read_cvat(files: FolderFiles, paths: list[Path]) -> ImportedData:
    """Read files of CVAT.

    Shapes of one class with the same ``group_id`` are one object. Points, lines and the like have no area and are left
    out; boxes are taken for rectangular objects.

    Args:
        files: The folder.
        paths: The XML files.

    Returns:
        What they say. Images that are listed without shapes have no objects.

    Raises:
        AnnotationFileError: If a file cannot be read or does not fit its images.
        MissingDataError: If images are missing.
    """
    data = ImportedData('CVAT for images 1.1')
    missing, total = [], 0
    for path in paths:
        root = _parsed(path)
        data.add_classes(name.text for name in root.iterfind('.//meta//labels/label/name') if name.text)
        for element in root.iterfind('image'):
            total += 1
            name = _attribute(element, 'name', f"'{path}', an image")
            found = files.find_image(name)
            if found is None:
                missing.append(name)
                continue
            data.images.append(_read_image(element, name, found, path, files, data))
    if missing:
        raise MissingDataError(
            f"{len(missing)} of {total} images of '{shown(paths)}' are not below '{files.root}': {shown(missing)}. "
            'Export with "Save images", or put them there.'
        )
    data.add_classes(sorted({item.label for image in data.images for item in image.objects}))
    data.note_unlisted(files.images, files.root, 'images that the XML does not list, left out')
    return data


def _parsed(path: Path) -> ElementTree.Element:
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise AnnotationFileError(
            f"'{path}', line {error.position[0]}: is not valid XML ({error}); it may be cut off: export it again."
        ) from error
    except OSError as error:
        raise AnnotationFileError(f"'{path}': cannot be read ({error.strerror}); correct its permissions.") from error
    if root.find('track') is not None:
        raise AnnotationFileError(
            f"'{path}' is of the format CVAT for video (it has tracks); export the task as CVAT for images 1.1."
        )
    return root


def _read_image(
    element: ElementTree.Element, name: str, image: Path, path: Path, files: FolderFiles, data: ImportedData
) -> ImportedImage:
    header = read_header(image)
    where = f"'{path}', image '{name}'"
    size = _number(element, 'width', where), _number(element, 'height', where)
    if size != (header.width, header.height):
        turned = header.turned and size == (header.height, header.width)
        raise AnnotationFileError(
            f"{where}: 'width' and 'height' are {size[0]:g}x{size[1]:g}, the file is shown with "
            f'{header.width}x{header.height}'
            + (' as its EXIF data turn it: save it without them and label it again.' if turned else '; use its own.')
        )
    shapes = []
    for number, shape in enumerate(element):
        if shape.tag in WITHOUT_AREA:
            data.note('points, lines and cuboids, which have no mask, left out', shape.get('label'), name)
        elif shape.tag in SHAPES:
            shapes.append(_read_shape(shape, f'{where}, shape {number} ({shape.tag})', data))
    subset = SPLIT_NAMES.get((element.get('subset') or '').lower()) or split_of(image, files.root)
    return ImportedImage(image, header.width, header.height, join_groups(shapes), subset)


def _read_shape(shape: ElementTree.Element, where: str, data: ImportedData) -> tuple[ImportedObject, str | None]:
    label = _attribute(shape, 'label', where)
    group = shape.get('group_id') or '0'
    try:
        part = _part(shape, where)
    except ValueError as error:
        raise AnnotationFileError(f'{where}: {error}; correct or remove it.') from error
    data.boxes += shape.tag == 'box'
    group = None if group == '0' else group
    return ImportedObject(label, [part], group), group


def _part(shape: ElementTree.Element, where: str) -> Part:
    def numbers(*names: str) -> list[float]:
        return [_number(shape, name, where) for name in names]

    turn = float(shape.get('rotation') or 0)
    if shape.tag == 'polygon':
        points = _attribute(shape, 'points', where)
        return polygon([[float(number) for number in point.split(',')] for point in points.split(';')])
    if shape.tag == 'box':
        left, top, right, bottom = numbers('xtl', 'ytl', 'xbr', 'ybr')
        return rotated(rectangle(left, top, right, bottom), turn, (left + right) / 2, (top + bottom) / 2)
    if shape.tag == 'ellipse':
        x, y, radius_x, radius_y = numbers('cx', 'cy', 'rx', 'ry')
        return rotated(ellipse(x, y, radius_x, radius_y), turn, x, y)
    left, top, width, height = map(int, numbers('left', 'top', 'width', 'height'))
    return PlacedMask(_decode_runs(_attribute(shape, 'rle', where), height, width), left, top)


def _decode_runs(text: str, height: int, width: int) -> np.ndarray:
    """Decode runs along the rows, of background first."""
    runs = np.array([int(run) for run in text.split(',')])
    if runs.min() < 0 or runs.sum() != height * width:
        raise ValueError(f"'rle' adds up to {runs.sum()} pixels, its box has {width}x{height}")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)


def _attribute(element: ElementTree.Element, name: str, where: str) -> str:
    value = element.get(name)
    if not value:
        raise AnnotationFileError(f"{where}: has no attribute '{name}'; export the task again.")
    return value


def _number(element: ElementTree.Element, name: str, where: str) -> float:
    text = _attribute(element, name, where)
    try:
        return float(text)
    except ValueError as error:
        raise AnnotationFileError(f"{where}: '{name}' is '{text}' and no number; export the task again.") from error
