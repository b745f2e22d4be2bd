"""Loading of a config's data set with its annotations, for pictures of them."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence

from mmdet.datasets import CocoPanopticDataset
from mmdet.registry import DATASETS
from mmengine.config import Config, ConfigDict
from mmengine.dataset import BaseDataset

from mmdet_panseg.datasets import CheckedCocoPanopticDataset
from mmdet_panseg.engine import ConfigError

PANOPTIC_DATASETS = (CheckedCocoPanopticDataset, CocoPanopticDataset)
# Steps that decide what is ground truth; evaluation sees their result as well.
_SEGMENT_EDITS = ('RemoveCrowds', 'FilterCategories', 'SplitStuffIslands')


def load_annotated_dataset(config: Config, split: str) -> BaseDataset:
    """Build the data set of a split so that its samples hold the image and all annotations, nothing resized.

    Args:
        config: Config with a ``{split}_dataloader``.
        split: ``'train'``, ``'val'`` or ``'test'``.

    Returns:
        The data set; its samples have ``img`` and, as instances, ``gt_bboxes_labels``, ``gt_masks`` and
        ``gt_ignore_flags``, or, as panoptic segments, ``gt_seg_map`` and ``gt_segments``.

    Raises:
        ConfigError: If there is no such dataloader, or it joins several data sets.
    """
    loader = config.get(f'{split}_dataloader')
    if loader is None:
        raise ConfigError(f'--split {split}: the config has no {split}_dataloader.')
    dataset = copy.deepcopy(loader['dataset'])
    while 'dataset' in dataset:
        dataset = dataset['dataset']
    if 'pipeline' not in dataset:
        raise ConfigError(f'--split {split}: its data set {dataset["type"]} has no pipeline of its own.')
    steps = dataset['pipeline']
    if _is_panoptic(dataset):
        edits = [step for step in steps if _name(step) in _SEGMENT_EDITS]
        annotations = [_loading_step(steps, 'LoadPanopticSegments', 'LoadPanopticSegments'), *edits]
    else:
        load = _loading_step(steps, 'Annotations', 'LoadBoxedAnnotations')
        annotations = [dict(load, with_bbox=True, with_mask=True)]
    image = dict(_loading_step(steps, 'Image', 'LoadImageFromFile'), to_float32=False)
    dataset['pipeline'] = [image, *annotations]
    # Test mode keeps images without objects.
    dataset['test_mode'] = True
    return DATASETS.build(dataset)


def _is_panoptic(dataset: ConfigDict) -> bool:
    kind = dataset['type'] if inspect.isclass(dataset['type']) else DATASETS.get(dataset['type'])
    return kind is not None and issubclass(kind, PANOPTIC_DATASETS)


def _loading_step(pipeline: Sequence[ConfigDict], part_of_name: str, default: str) -> dict:
    """Find the pipeline's own ``Load...`` step of that kind, which may know a storage backend, or take a default."""
    for step in pipeline:
        if _name(step).startswith('Load') and part_of_name in _name(step):
            return step
    return dict(type=default)


def _name(step: ConfigDict) -> str:
    """Name of the class of a step, without the name of its registry."""
    return getattr(step['type'], '__name__', step['type']).split('.')[-1]
