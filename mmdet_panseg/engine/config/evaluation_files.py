"""Annotation files of COCO metrics, checked against the data that they are to judge."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log

from mmdet_panseg.datasets.coco.annotation_file import read_annotation_file
from mmdet_panseg.datasets.errors import MissingDataError
from mmdet_panseg.datasets.images.image_files import is_remote
from mmdet_panseg.errors import ConfigError


def require_evaluation_files(config: Config, loop: str) -> None:
    """Make sure that the metrics of a loop read the annotations of its data set's images.

    A metric with an ``ann_file`` of its own would end a training with a traceback if the file did not exist, and with
    wrong figures if it described other images under the same ids, or classes in another order: mmdet's ``CocoMetric``
    takes label k for the k-th category of its own file.

    Args:
        config: The config.
        loop: ``'val'`` or ``'test'``.

    Raises:
        MissingDataError: If such a file does not exist.
        ConfigError: If it lists other images than the data set, or other things.
    """
    dataset = _innermost(config.get(f'{loop}_dataloader') or {})
    data_file = _annotation_file(dataset)
    if data_file is not None and not data_file.is_file():
        return  # the data set says so itself
    for key, metric in _metrics(config, loop):
        path = metric.get('ann_file')
        if not isinstance(path, str) or is_remote(path, metric.get('backend_args')):
            continue
        if dataset.get('indices') is not None:
            text = f'{loop}_dataloader.dataset.indices takes some of the images, but {key}.ann_file has all: '
            print_log(text + 'objects of the others count as missed.', logger='current', level=logging.WARNING)
        if not Path(path).is_file():
            raise MissingDataError(
                f"{key}.ann_file: '{path}' does not exist; name the annotation file of the images of {loop}_dataloader."
            )
        if data_file is not None and not Path(path).samefile(data_file):
            known, data = (
                read_annotation_file(str(file), None, ('images', 'categories')) for file in (path, data_file)
            )
            _require_same_images(key, path, data_file, loop, _image_names(known), _image_names(data))
            metainfo = dataset.get('metainfo') or {}
            _require_same_things(key, path, data_file, metainfo, known['categories'], data['categories'])


def _require_same_images(
    key: str, path: str, data_file: Path, loop: str, known: dict[Any, str], wanted: dict[Any, str]
) -> None:
    """Raise a ConfigError if the data set has an image that the metric's file lacks or calls by another name."""
    other = [image for image, name in wanted.items() if known.get(image) != name]
    if other:
        there = f"'{known[other[0]]}' there" if other[0] in known else 'missing there'
        raise ConfigError(
            f"{key}.ann_file: '{path}' is not of the images of {loop}_dataloader ('{data_file}'): {len(other)} of "
            f"{len(wanted)} differ, such as image id {other[0]}, '{wanted[other[0]]}', which is {there}. Name the "
            'annotation file of these images.'
        )


def _require_same_things(
    key: str, path: str, data_file: Path, metainfo: Mapping[str, Any], known: list[dict], categories: list[dict]
) -> None:
    """Raise a ConfigError if the metric's file does not number the things as the data set does."""
    classes = set(metainfo.get('classes') or [category['name'] for category in categories])
    chosen = metainfo.get('thing_classes')
    things = [
        category['name']
        for category in categories
        if category['name'] in classes
        and (category.get('isthing', True) if chosen is None else category['name'] in chosen)
    ]
    numbered = [category['name'] for category in known if category['name'] in classes]
    if numbered[: len(things)] != things:
        label = next(k for k, name in enumerate(things) if numbered[k : k + 1] != [name])
        there = repr(numbered[label]) if label < len(numbered) else 'nothing'
        raise ConfigError(
            f"{key}.ann_file: 'categories' of '{path}' does not list the things in the order of '{data_file}': label "
            f'{label} is {things[label]!r} in the data and {there} for the metric, which numbers labels by its own '
            f'file, so that classes would be mixed up. List there, in this order: {", ".join(things)}.'
        )


def _image_names(content: dict[str, Any]) -> dict[Any, str]:
    """Give the names of image files without their folder and ending, by image id."""
    return {image['id']: Path(image.get('file_name', '')).stem for image in content['images']}


def _metrics(config: Config, loop: str) -> Iterator[tuple[str, dict]]:
    """Give the metrics of a loop with their keys in the config."""
    evaluator = config.get(f'{loop}_evaluator') or []
    several = isinstance(evaluator, (list, tuple))
    for place, metric in enumerate(evaluator if several else [evaluator]):
        yield f'{loop}_evaluator[{place}]' if several else f'{loop}_evaluator', metric


def _innermost(loader: dict) -> dict:
    """Give the config of the data set of a loader, without wrappers."""
    dataset = loader.get('dataset') or {}
    while isinstance(dataset, dict) and isinstance(dataset.get('dataset'), dict):
        dataset = dataset['dataset']
    return dataset if isinstance(dataset, dict) else {}


def _annotation_file(dataset: dict) -> Path | None:
    """Find the annotation file of a data set whose images can be compared: local JSON with their names on disk."""
    name = dataset.get('ann_file')
    local = isinstance(name, str) and not is_remote(name, dataset.get('backend_args'))
    if not local or not name.endswith('.json') or dataset.get('image_name_sub'):
        return None
    return Path(dataset.get('data_root') or '', name)
