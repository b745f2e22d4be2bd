"""Names of a model's classes: from its checkpoint, or from its config."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from mmdet.registry import DATASETS
from mmengine.config import Config
from mmengine.logging import print_log
from torch import nn

from mmdet_panseg.datasets.dataset_classes import DatasetClasses
from mmdet_panseg.engine.config.unknown_arguments import datasets_of
from mmdet_panseg.engine.hooks.class_count_hook import check_class_counts
from mmdet_panseg.errors import ConfigError, UserError
from mmdet_panseg.visualization import class_palette
from mmdet_panseg.visualization.result_rows import DrawnClasses

from .prediction import ClassNames

Metainfo = Mapping[str, Any]


def class_names(model: nn.Module, meta: Metainfo, config: Config) -> ClassNames:
    """Find the names of a model's classes.

    Asked are, in this order, what the training has written into the checkpoint, ``metainfo`` of the config's data
    sets, and these data sets themselves. Names whose number differs from that of the model are those of something else.

    Args:
        model: The model.
        meta: ``meta`` of its checkpoint, which may be empty.
        config: Its config.

    Returns:
        The classes; where nobody names them they are called by their numbers, with a warning.
    """
    for metainfo in (*_of_checkpoint(meta), *_of_config(config)):
        if metainfo.get('classes') and _fits(model, metainfo):
            return named_classes(metainfo)
    things, stuff = _numbers(model)
    print_log(
        'neither the checkpoint nor the config names the classes of this model: they are called by their numbers; set '
        'test_dataloader.dataset.metainfo=dict(classes=(...)).',
        logger='current',
        level=logging.WARNING,
    )
    names = tuple(f'class {number}' for number in range(1, things + stuff + 1))
    return ClassNames(names, things, class_palette(len(names)))


def named_classes(metainfo: Metainfo) -> ClassNames:
    """Read the classes of a data set's meta information; without ``thing_classes`` all are things."""
    metainfo = {key: value for key, value in metainfo.items() if value is not None}
    drawn = DrawnClasses.of(metainfo)
    known = DatasetClasses.from_metainfo({'thing_classes': metainfo['classes'], **metainfo})
    ids = tuple(known.category_ids)
    palette = [tuple(int(channel) for channel in color) for color in drawn.palette[: len(drawn.names)]]
    return ClassNames(tuple(drawn.names), drawn.num_things, palette, None if None in ids else ids)


def _of_checkpoint(meta: Metainfo) -> Iterator[dict]:
    if isinstance(meta.get('dataset_meta'), Mapping):
        yield {str(key).lower(): value for key, value in meta['dataset_meta'].items()}
    if meta.get('CLASSES'):  # of mmdet 2
        yield dict(classes=tuple(meta['CLASSES']), palette=meta.get('PALETTE'))


def _of_config(config: Config) -> Iterator[Metainfo]:
    loaders = [f'{loop}_dataloader' for loop in ('test', 'val', 'train')]
    datasets = [dataset for loader in loaders for dataset, _ in datasets_of(config.get(loader) or {}, loader)]
    for dataset in datasets:
        yield dataset.get('metainfo') or {}
    for dataset in datasets:
        try:
            yield DATASETS.build({**dataset, 'pipeline': [], 'lazy_init': True}).metainfo
        except (UserError, TypeError, KeyError, ValueError, OSError):  # its files may be on another machine
            continue


def _fits(model: nn.Module, metainfo: Metainfo) -> bool:
    try:
        check_class_counts(model, dict(metainfo), 'test_dataloader', islands=None)
    except ConfigError:
        return False
    return True


def _numbers(model: nn.Module) -> tuple[int, int]:
    """Numbers of things and stuff that the heads of a model have."""
    modules = list(model.modules())
    for things, stuff in (('num_things', 'num_stuff'), ('num_things_classes', 'num_stuff_classes')):
        for module in modules:
            if isinstance(getattr(module, things, None), int) and isinstance(getattr(module, stuff, None), int):
                return getattr(module, things), getattr(module, stuff)
    counts = [count for module in modules if isinstance(count := getattr(module, 'num_classes', None), int)]
    return max(counts, default=1), 0
