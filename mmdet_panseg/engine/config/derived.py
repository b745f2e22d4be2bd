"""Settings that follow from others, or from the data, where a config does not say them."""

from __future__ import annotations

import os.path as osp
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmdet.evaluation import CocoMetric
from mmdet.models import SOLOHead
from mmdet.registry import DATASETS, METRICS, MODELS
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope

from mmdet_panseg.datasets import (
    CheckedCocoDataset,
    CheckedCocoPanopticDataset,
    FixClassGT,
    MissingDataError,
    SplitStuffIslands,
)
from mmdet_panseg.errors import ConfigError
from mmdet_panseg.evaluation import CheckedCocoMetric
from mmdet_panseg.models import PanopticSOLO, SparseSOLOHead
from mmdet_panseg.models.detectors.panoptic_solo import said_count

from .parts import is_built_as
from .unknown_arguments import datasets_of, listed


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
    - ``CheckedConcatDataset`` in place of ``ConcatDataset``, around checked data sets.
    - ``CheckedCocoMetric`` in place of ``CocoMetric``, where the data set has the ground truth, or a file is named.

    Args:
        config: The config, changed in place.
        counts: Classes to assume in place of reading the data.

    Raises:
        ConfigError: If ``strides`` of a ``FixClassGT`` lack one that the head needs.
        MissingDataError: If the data are needed and not there.
    """
    init_default_scope(config.get('default_scope') or 'mmdet')
    _derive_joined_data(config)
    _derive_class_counts(config, counts)
    _derive_target_strides(config)
    _derive_metrics(config)


def _derive_joined_data(config: Config) -> None:
    for loop in ('train', 'val', 'test'):
        for dataset, _ in datasets_of(config.get(f'{loop}_dataloader') or {}, ''):
            parts = dataset.get('datasets') or ()
            if dataset.get('type') == 'ConcatDataset' and all(is_built_as(p, CheckedCocoDataset) for p in parts):
                dataset['type'] = 'CheckedConcatDataset'


def _derive_class_counts(config: Config, counts: ClassCounts | None) -> None:
    model = config.get('model') or {}
    unsaid = list(_unsaid_counts(model))
    for owner, key in unsaid:
        counts = counts or _counts_of_data(config)
        owner[key] = counts.stuff if key == 'num_stuff' else counts.things
    mask_head = model.get('mask_head')
    if mask_head and is_built_as(model, PanopticSOLO) and _learns_stuff(config):
        mask_head.setdefault('num_classes', sum(said_count(model, key) for key in ('num_things', 'num_stuff')))


def _unsaid_counts(model: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Dicts and keys where a number of classes is to be filled in."""
    mask_head = model.get('mask_head')
    if is_built_as(model, PanopticSOLO) and model.get('semantic_head'):
        for key in ('num_things', 'num_stuff'):
            if said_count(model, key) is None:
                yield model, key
    elif mask_head and is_built_as(mask_head, SOLOHead):
        key = 'num_classes'
        if mask_head.get(key) is None and model.get('num_things') is None:
            yield mask_head, key


def _counts_of_data(config: Config) -> ClassCounts:
    missing = None
    for loop in ('train', 'val', 'test'):
        for dataset, where in datasets_of(config.get(f'{loop}_dataloader') or {}, f'{loop}_dataloader'):
            if 'ann_file' not in dataset:
                continue
            named = 'classes' in (dataset.get('metainfo') or {})
            if not named and not is_built_as(dataset, CheckedCocoDataset):
                # Others have the classes that their class lists, whatever the file has.
                missing = missing or f'{where}.metainfo.classes'
                continue
            path = Path(dataset.get('data_root') or '', dataset['ann_file'] or '')
            if not named and not path.is_file():
                missing = missing or f"{where}.ann_file: '{path}'"
                continue
            metainfo = DATASETS.build({**dataset, 'pipeline': [], 'lazy_init': True}).metainfo
            things, stuff = metainfo.get('thing_classes', metainfo['classes']), metainfo.get('stuff_classes', ())
            return ClassCounts(len(things), len(stuff))
    raise MissingDataError(
        f'{missing or "a data set with an ann_file"} does not exist, and the model has the classes of the data: name '
        'the annotation file of a CheckedCocoDataset, or the classes in metainfo, or set the numbers in model.'
    )


def _learns_stuff(config: Config) -> bool:
    return any(transform.get('as_instances') for transform in _train_transforms(config, SplitStuffIslands))


def _derive_target_strides(config: Config) -> None:
    transforms = list(_train_transforms(config, FixClassGT))
    model = config.get('model') or {}
    mask_head = model.get('mask_head')
    if not transforms or (mask_head is None and 'roi_head' not in model):
        return
    strides = None
    if mask_head and is_built_as(mask_head, SparseSOLOHead):
        # The strides do not depend on the number of classes, which PanopticSOLO may supply.
        with torch.device('meta'):
            strides = MODELS.build(ConfigDict({'num_classes': 1, **mask_head.to_dict()})).target_strides
    for transform in transforms:
        said = transform.setdefault('strides', strides)
        lacking = [] if said is None or strides is None else sorted(set(strides).difference(said))
        if lacking:
            raise ConfigError(
                f'FixClassGT(strides={said}) in the train pipeline lacks {lacking}, at which model.mask_head compares '
                'masks: leave strides out, they follow from the head.'
            )


def _derive_metrics(config: Config) -> None:
    for loop in ('val', 'test'):
        data = [d for d, _ in datasets_of(config.get(f'{loop}_dataloader') or {}, '') if 'ann_file' in d]
        for metric in listed(config.get(f'{loop}_evaluator')):
            kind = METRICS.get(metric['type']) if isinstance(metric.get('type'), str) else metric.get('type')
            if kind not in (CocoMetric, CheckedCocoMetric):
                continue
            checked = bool(data) and all(map(_has_truth, data))
            if checked and len(data) == 1 and _is_file_of(metric.get('ann_file'), data[0]):
                metric.pop('ann_file')
            if checked or metric.get('ann_file') is not None:
                metric['type'] = 'CheckedCocoMetric'


def _has_truth(dataset: Mapping[str, Any]) -> bool:
    """Whether a data set will have annotations of instances to evaluate with."""
    panoptic = is_built_as(dataset, CheckedCocoPanopticDataset)
    return is_built_as(dataset, CheckedCocoDataset) and not panoptic and dataset.get('test_mode', False)


def _is_file_of(ann_file: str | None, dataset: Mapping[str, Any]) -> bool:
    own = osp.join(dataset.get('data_root') or '', dataset['ann_file'])
    return ann_file is not None and osp.abspath(ann_file) == osp.abspath(own)


def _train_transforms(config: Config, kind: type) -> Iterator[dict[str, Any]]:
    """Configs of the transforms of a type in the training data, those inside others too."""
    pending = [dataset.get('pipeline') for dataset, _ in datasets_of(config.get('train_dataloader') or {}, '')]
    while pending:
        for transform in pending.pop() or ():
            if isinstance(transform, dict):
                if is_built_as(transform, kind):
                    yield transform
                pending += [value for value in transform.values() if isinstance(value, list)]
