"""Predictions written in the formats of data sets and annotation tools."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mmdet_panseg.apis.inference.prediction import Prediction
from mmdet_panseg.errors import ConfigError

from .coco import CocoWriter
from .cvat import CvatWriter
from .label_studio import LabelStudioWriter
from .writer import PreAnnotationWriter
from .yolo import YoloWriter

FORMATS: dict[str, type[PreAnnotationWriter]] = {
    'coco': CocoWriter,
    'label-studio': LabelStudioWriter,
    'cvat': CvatWriter,
    'yolo': YoloWriter,
}
"""Writer of each format."""


@dataclass(frozen=True)
class WrittenAnnotations:
    """What was written.

    Attributes:
        files: Files and folders.
        images: Number of images.
        objects: Number of objects in them.
        next_step: What to do with the files.
    """

    files: tuple[Path, ...]
    images: int
    objects: int
    next_step: str


def write_pre_annotations(
    predictions: Iterable[Prediction],
    folder: str | Path,
    format: str,
    image_root: str | Path | None = None,
    *,
    shapes: str | None = None,
    model_version: str = 'mmdet_panseg',
    overwrite: bool = False,
) -> WrittenAnnotations:
    """Write predictions as they come, for an annotation tool to correct or a training to use.

    A file that holds several images grows under a temporary name and has its own once it is whole: at the end, or when
    ``predictions`` raises, then with the images so far. PNGs and files of single images are there at once.

    Args:
        predictions: Predictions of one model, which may be made meanwhile.
        folder: Where the files go; it is made.
        format: One of :data:`FORMATS`.
        image_root: Folder of the images, whose names are relative to it, or a URL that stands for it.
        shapes: ``'masks'``, exact and with holes, or ``'polygons'``, which hands can move; None for masks where the
            format has them.
        model_version: What tools call the author of the predictions.
        overwrite: Whether to replace files of an earlier call.

    Returns:
        What was written.

    Raises:
        ConfigError: If the format or shape is unknown, a file is there already, or there is no prediction.
    """
    folder = Path(folder)
    if format not in FORMATS:
        raise ConfigError(f'--format {format}: unknown; choose one of {", ".join(FORMATS)}.')
    writer_class = FORMATS[format]
    shapes = shapes or writer_class.shape_choices[0]
    if shapes not in writer_class.shape_choices:
        raise ConfigError(f'--format {format} has {" or ".join(writer_class.shape_choices)}, not {shapes!r}.')
    writer_class.check(folder, overwrite)
    stream = iter(predictions)
    first = next(stream, None)
    if first is None:
        raise ConfigError(f'{folder}: there is no prediction to write.')
    writer = writer_class(folder, first.classes, image_root, shapes, model_version)
    images = objects = 0
    try:
        for prediction in itertools.chain([first], stream):
            objects += writer.add(prediction)
            images += 1
    finally:
        writer.close()
    return WrittenAnnotations(tuple(folder / name for name in writer.outputs), images, objects, writer.next_step)
