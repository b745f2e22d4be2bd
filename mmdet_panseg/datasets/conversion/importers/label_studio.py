"""Label Studio's JSON export: polygons, brush masks, ellipses and rectangles of each task."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from mmdet_panseg.datasets.errors import AnnotationFileError, MissingDataError, shown
from mmdet_panseg.datasets.images.image_headers import IMAGE_SUFFIXES, ImageHeader, read_header

from .brush_runs import decode_brush
from .folder_files import FolderFiles, split_of
from .imported import ImportedData, ImportedImage, ImportedObject, Part, PlacedMask
from .json_files import read_json
from .shapes import ellipse, polygon, rectangle, rotated

KINDS = ('polygonlabels', 'brushlabels', 'rectanglelabels', 'ellipselabels', 'labels')
_OTHER_RESULTS = ('relation', 'choices', 'textarea', 'rating', 'number', 'polygon', 'brush', 'rectangle', 'ellipse')
"""What is no region, or one whose label stands in a result of the type ``labels`` that has its outline too."""
_UPLOAD = re.compile(r'^[0-9a-f]{8}-')
"""What uploads have before the name of the file."""


def is_label_studio(content: Any) -> bool:
    """Whether the content of a JSON is an export of Label Studio."""
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, dict) and isinstance(first.get('data'), dict) and 'annotations' in first


def is_label_studio_min(content: Any) -> bool:
    """Whether it is one of the shortened kind, JSON-MIN."""
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, dict) and 'annotation_id' in first and 'annotator' in first


def read_label_studio(files: FolderFiles, paths: list[Path]) -> ImportedData:
    """Read exports of Label Studio.

    Of several annotations of a task the ground truth counts, else the one changed last; cancelled ones do not. Tasks
    without an annotation are left out; those with an empty one are images without objects. Rectangles are taken for
    rectangular objects; key points and the like are left out.

    Args:
        files: The folder, in which the images lie too.
        paths: The JSON files.

    Returns:
        What they say.

    Raises:
        AnnotationFileError: If a file cannot be read or does not fit its images.
        MissingDataError: If images are missing.
    """
    data = ImportedData('Label Studio')
    missing: list[str] = []
    tasks = [(task, f"'{path}', task {_id_of(task, n)}") for path in paths for n, task in enumerate(read_json(path))]
    for task, where in tasks:
        names = list(_image_names(task, where))
        image = next((found for found in (_find(name, files) for name in names) if found is not None), None)
        results = _results(task, where, data)
        if results is None:
            data.note('tasks without an annotation, left out', _id_of(task, '?'), names[0])
        elif image is None:
            missing.append(names[0])
        else:
            header = read_header(image)
            objects = [item for result in results if (item := _read_result(result, header, where, data)) is not None]
            data.images.append(ImportedImage(image, header.width, header.height, objects, split_of(image, files.root)))
    if missing:
        raise MissingDataError(
            f"{len(missing)} of {len(tasks)} images of Label Studio's tasks are not below '{files.root}': "
            f'{shown(missing)}. The export has no images: put those that were labelled into this folder.'
        )
    data.note_unlisted(files.images, files.root, 'images without an annotated task, left out')
    data.add_classes(sorted({item.label for image in data.images for item in image.objects}))
    return data


def _id_of(task: Any, number: object) -> object:
    return task.get('id', number) if isinstance(task, dict) else number


def _image_names(task: Any, where: str) -> Iterator[str]:
    """Give the paths that may mean the image of a task, the likeliest first."""
    values = task.get('data') if isinstance(task, dict) else None
    texts = [text for text in values.values() if isinstance(text, str)] if isinstance(values, dict) else []
    addresses = [text for text in texts if Path(urlsplit(text).path).suffix.lower() in IMAGE_SUFFIXES]
    addresses += [text for text in texts if 'd=' in urlsplit(text).query]
    if not addresses:
        raise AnnotationFileError(f"{where}: its 'data' name no image; export the project as JSON again.")
    for address in addresses:
        parts = urlsplit(address)
        local = parse_qs(parts.query).get('d')
        yield local[0] if local else unquote(parts.path).lstrip('/')


def _find(name: str, files: FolderFiles) -> Path | None:
    folder, _, last = name.rpartition('/')
    return files.find_image(name) or files.find_image(f'{folder}/{_UPLOAD.sub("", last)}'.lstrip('/'))


def _results(task: dict, where: str, data: ImportedData) -> list | None:
    """Choose the annotation of a task and give its regions; None if there is none."""
    annotations = task.get('annotations')
    usable = [item for item in annotations or [] if isinstance(item, dict) and not item.get('was_cancelled')]
    if not usable:
        return None
    chosen = [item for item in usable if item.get('ground_truth')] or usable
    if len(usable) > 1:
        data.note('tasks with several annotations, of which one was taken', _id_of(task, '?'), f'{len(usable)} of them')
    last = max(chosen, key=lambda item: (str(item.get('updated_at') or ''), str(item.get('id') or '')))
    if not isinstance(last.get('result'), list):
        raise AnnotationFileError(f"{where}: an annotation has no list 'result'; export the project as JSON again.")
    return last['result']


def _read_result(result: Any, header: ImageHeader, where: str, data: ImportedData) -> ImportedObject | None:
    kind = result.get('type') if isinstance(result, dict) else None
    if kind not in KINDS:
        if kind not in _OTHER_RESULTS:
            data.note('regions without area (key points and the like), left out', kind, where.rpartition(', ')[2])
        return None
    here = f'{where}, region {result.get("id")} ({kind})'
    value = result.get('value') or {}
    labels = value.get(kind) or []
    kind = _shape_of(value) if kind == 'labels' else kind
    if not labels:
        data.note('regions without a label, left out', result.get('id'), where.rpartition(', ')[2])
        return None
    if len(labels) > 1:
        data.note('regions with several labels, of which the first was taken', result.get('id'), ' '.join(labels))
    _check_frame(result, header, here)
    try:
        part = _part(kind, value, header)
    except (ValueError, TypeError, KeyError) as error:
        raise AnnotationFileError(f'{here}: {error}; correct or remove it.') from error
    data.boxes += kind == 'rectanglelabels'
    return ImportedObject(str(labels[0]), [part], result.get('id'))


def _shape_of(value: dict) -> str:
    """Find the kind of a region by what it says."""
    for key, kind in (('rle', 'brushlabels'), ('points', 'polygonlabels'), ('radiusX', 'ellipselabels')):
        if key in value:
            return kind
    return 'rectanglelabels'


def _check_frame(result: dict, header: ImageHeader, where: str) -> None:
    """Raise if a region was drawn on another view of the image."""
    width, height = (result.get(f'original_{key}') for key in ('width', 'height'))
    if result.get('image_rotation'):
        raise AnnotationFileError(
            f'{where}: was drawn with the image turned by {result["image_rotation"]} degrees; turn the image file, and '
            'label it again.'
        )
    if width and height and (width, height) != (header.width, header.height):
        raise AnnotationFileError(
            f'{where}: was drawn on an image of {width}x{height} pixels, the file is shown with '
            f'{header.width}x{header.height}; use the image that was labelled.'
        )


def _part(kind: str, value: dict, header: ImageHeader) -> Part:
    width, height = header.width, header.height
    if kind == 'brushlabels':
        if value.get('format') != 'rle':
            raise ValueError(f"'format' is {value.get('format')!r} and not 'rle'")
        return PlacedMask(decode_brush(value['rle'], height, width))
    if kind == 'polygonlabels':
        return polygon([(x * width / 100, y * height / 100) for x, y in value['points']])
    x, y, turn = value['x'] * width / 100, value['y'] * height / 100, float(value.get('rotation') or 0)
    if kind == 'ellipselabels':
        outline = ellipse(x, y, value['radiusX'] * width / 100, value['radiusY'] * height / 100)
    else:
        outline = rectangle(x, y, x + value['width'] * width / 100, y + value['height'] * height / 100)
    return rotated(outline, turn, x, y)
