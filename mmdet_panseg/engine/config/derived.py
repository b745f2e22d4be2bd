"""Settings that follow from others, or from the data, where a config does not say them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmdet.models import SOLOHead
from mmdet.registry import DATASETS, MODELS
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope

from mmdet_panseg.datasets.errors import MissingDataError
from mmdet_panseg.models import SparseSOLOHead
from mmdet_panseg.models.detectors.panoptic_solo import said_count

from .unknown_arguments import datasets_of


class ClassCounts(NamedTuple):
    """Numbers of classes of a data set.

    Attributes:
        things: Number of thing classes.
        stuff: Number of stuff classes.
    """

    things: int
    stuff: int


def derive_settings(config: Config, counts: ClassCounts | None = None) -> None:
    """Fill in what a config leaves to the package.

    - The numbers of classes, from the annotations of the first data set of training, validation or test that there
      is: ``num_things`` and ``num_stuff`` of ``PanopticSOLO``, ``mask_head.num_classes`` of ``SOLO``. A mask head that
      learns islands of stuff (``SplitStuffIslands``) has the classes of both.
    - ``strides`` of ``FixClassGT``, from the mask head: where it compares masks, or None for a head of mmdet, which
      needs full masks.

    Args:
        config: The config, changed in place.
        counts: Classes to assume in place of reading the data.

    Raises:
        MissingDataError: If the data are needed and not there.
    """
    init_default_scope(config.get('default_scope') or 'mmdet')
    _derive_class_counts(config, counts)
    _derive_target_strides(config)


def _derive_class_counts(config: Config, counts: ClassCounts | None) -> None:
    model = config.get('model') or {}
    unsaid = list(_unsaid_counts(model))
    for owner, key in unsaid:
        counts = counts or _counts_of_data(config)
        owner[key] = counts.stuff if key == 'num_stuff' else counts.things
    mask_head = model.get('mask_head')
    if mask_head and model.get('type') == 'PanopticSOLO' and _learns_stuff(config):
        mask_head.setdefault('num_classes', sum(said_count(model, key) for key in ('num_things', 'num_stuff')))


def _unsaid_counts(model: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Dicts and keys where a number of classes is to be filled in."""
    mask_head = model.get('mask_head')
    if model.get('type') == 'PanopticSOLO' and model.get('semantic_head'):
        for key in ('num_things', 'num_stuff'):
            if said_count(model, key) is None:
                yield model, key
    elif mask_head and _is_head(mask_head, SOLOHead):
        key = 'num_classes'
        if mask_head.get(key) is None and model.get('num_things') is None:
            yield mask_head, key


def _counts_of_data(config: Config) -> ClassCounts:
    missing = None
    for loop in ('train', 'val', 'test'):
        for dataset, where in datasets_of(config.get(f'{loop}_dataloader') or {}, f'{loop}_dataloader'):
            if 'ann_file' not in dataset:
                continue
            path = Path(dataset.get('data_root') or '', dataset['ann_file'])
            if not path.is_file() and 'classes' not in (dataset.get('metainfo') or {}):
                missing = missing or f"{where}.ann_file: '{path}'"
                continue
            metainfo = DATASETS.build({**dataset, 'pipeline': [], 'lazy_init': True}).metainfo
            things, stuff = metainfo.get('thing_classes', metainfo['classes']), metainfo.get('stuff_classes', ())
            return ClassCounts(len(things), len(stuff))
    raise MissingDataError(
        f'{missing or "the config has no data set with an ann_file"} does not exist, and the model has the classes of '
        'the data: name the annotation file, or set the numbers of classes in model.'
    )


def _learns_stuff(config: Config) -> bool:
    return any(transform.get('as_instances') for transform in _train_transforms(config, 'SplitStuffIslands'))


def _derive_target_strides(config: Config) -> None:
    transforms = [t for t in _train_transforms(config, 'FixClassGT') if 'strides' not in t]
    model = config.get('model') or {}
    mask_head = model.get('mask_head')
    if not transforms or (mask_head is None and 'roi_head' not in model):
        return
    strides = None
    if mask_head and _is_head(mask_head, SparseSOLOHead):
        # The strides do not depend on the number of classes, which PanopticSOLO may supply.
        with torch.device('meta'):
            strides = MODELS.build(ConfigDict({'num_classes': 1, **mask_head.to_dict()})).target_strides
    for transform in transforms:
        transform['strides'] = strides


def _train_transforms(config: Config, kind: str) -> Iterator[dict[str, Any]]:
    """Configs of the transforms of a type in the training data, those inside others too."""
    pending = [dataset.get('pipeline') for dataset, _ in datasets_of(config.get('train_dataloader') or {}, '')]
    while pending:
        for transform in pending.pop() or ():
            if isinstance(transform, dict):
                if transform.get('type') == kind:
                    yield transform
                pending += [value for value in transform.values() if isinstance(value, list)]


def _is_head(head: Mapping[str, Any], kind: type) -> bool:
    found = MODELS.get(head['type']) if isinstance(head.get('type'), str) else head.get('type')
    return isinstance(found, type) and issubclass(found, kind)
