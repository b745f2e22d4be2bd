"""LabelMe: one JSON beside each image, with polygons, masks and simpler shapes."""

from __future__ import annotations

import base64
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmdet_panseg.datasets.errors import AnnotationFileError, MissingDataError, shown
from mmdet_panseg.datasets.images.image_headers import ImageHeader, read_header

from .folder_files import FolderFiles, split_of
from .imported import ImportedData, ImportedImage, ImportedObject, Part, PlacedMask, join_groups
from .json_files import read_json
from .shapes import ellipse, polygon, rectangle

WITHOUT_AREA = ('point', 'line', 'linestrip', 'points')


def is_labelme(content: Any) -> bool:
    """Whether the content of a JSON is that of a LabelMe file."""
    return isinstance(content, dict) and isinstance(content.get('shapes'), list) and 'imagePath' in content


def read_labelme(files: FolderFiles, paths: list[Path]) -> ImportedData:
    """Read LabelMe's files.

    Shapes of one class with the same ``group_id`` are one object. Points and lines have no area and are left out;
    rectangles are taken for rectangular objects. Images without a JSON are left out: whether there is something on
    them is not known.

    Args:
        files: The folder.
        paths: The JSON files.

    Returns:
        What they say.

    Raises:
        AnnotationFileError: If a file cannot be read or does not fit its image.
        MissingDataError: If images are missing.
    """
    data = ImportedData('LabelMe')
    missing = []
    for path in paths:
        content = read_json(path)
        image = _image_of(content, path, files)
        if image is None:
            missing.append(path.relative_to(files.root).as_posix())
            continue
        header = read_header(image)
        _check_size(content, header, path, image)
        objects = join_groups(_read_shape(shape, n, path, data) for n, shape in enumerate(content['shapes']))
        objects = [item for item in objects if item.parts]
        data.images.append(ImportedImage(image, header.width, header.height, objects, split_of(image, files.root)))
    if missing:
        raise MissingDataError(
            f"{len(missing)} LabelMe files of '{files.root}' have no image ('imagePath'): {shown(missing)}. Put the "
            'images beside them (files that hold the image as imageData: export them by labelme_export_json).'
        )
    data.add_classes(sorted({item.label for image in data.images for item in image.objects}))
    data.note_unlisted(files.images, files.root, 'images without a JSON, left out')
    return data


def _image_of(content: dict, path: Path, files: FolderFiles) -> Path | None:
    name = content['imagePath']
    if not isinstance(name, str) or not name:
        raise AnnotationFileError(f"'{path}': 'imagePath' is {name!r}; write the name of the image.")
    beside = path.parent / name.replace('\\', '/')
    if beside.is_file():
        return beside.resolve()
    return files.find_image(name, path.parent) or next(
        (image for image in files.images if image.parent == path.parent and image.stem == path.stem), None
    )


def _check_size(content: dict, header: ImageHeader, path: Path, image: Path) -> None:
    """Raise if the shapes were drawn on an image of another size."""
    width, height = (content.get(key) for key in ('imageWidth', 'imageHeight'))
    if width is None or height is None or (width, height) == (header.width, header.height):
        return
    swapped = header.turned and (height, width) == (header.width, header.height)
    raise AnnotationFileError(
        f"'{path}': 'imageWidth' and 'imageHeight' are {width}x{height}, the image '{image.name}' is shown with "
        f'{header.width}x{header.height}'
        + (' as its EXIF data turn it: save it without them and label it again.' if swapped else '; use its own image.')
    )


def _read_shape(shape: Any, number: int, path: Path, data: ImportedData) -> tuple[ImportedObject, object]:
    where = f"'{path}', shapes[{number}]"
    label = shape.get('label') if isinstance(shape, dict) else None
    if not isinstance(label, str) or not label.strip():
        raise AnnotationFileError(f"{where}: 'label' is {label!r}; name the class.")
    kind, group = shape.get('shape_type') or 'polygon', shape.get('group_id')
    if kind in WITHOUT_AREA:
        data.note('points and lines, which have no area, left out', f'shapes[{number}]', path.name)
        return ImportedObject(label, []), None
    try:
        part = _part(kind, shape)
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise AnnotationFileError(f'{where} ({kind}): {error}; correct or remove it.') from error
    if kind == 'rectangle':
        data.boxes += 1
    return ImportedObject(label, [part], group), group


def _part(kind: str, shape: dict) -> Part:
    points = shape.get('points')
    if kind == 'polygon' or kind == 'oriented_rectangle':
        return polygon(points)
    pair = np.array(points, np.float64)
    if pair.shape != (2, 2) or not np.isfinite(pair).all():
        raise ValueError('no two points')
    (x0, y0), (x1, y1) = pair.tolist()
    if kind == 'rectangle':
        return rectangle(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    if kind == 'circle':
        radius = math.hypot(x1 - x0, y1 - y0)
        return ellipse(x0, y0, radius, radius)
    if kind == 'mask':
        with Image.open(io.BytesIO(base64.b64decode(shape['mask'], validate=True))) as picture:
            pixels = np.array(picture)
        if pixels.ndim != 2:
            raise ValueError('a mask that is no greyscale picture')
        return PlacedMask(pixels > 0, round(x0), round(y0))
    raise ValueError('a shape that is not known')
