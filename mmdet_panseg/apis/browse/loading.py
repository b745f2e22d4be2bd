"""The first images of a training, as the network gets them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks, PolygonMasks
from mmengine.config import Config
from mmengine.dataset import InfiniteSampler
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from torch import Tensor

from mmdet_panseg.datasets.repeatable_batches import RepeatableBatches
from mmdet_panseg.engine import ConfigError, load_config
from mmdet_panseg.engine.config import config_faults_explained
from mmdet_panseg.visualization.result_rows import DrawnClasses

from .cells import CellAssigner
from .object_counts import ObjectCounter, StepChange
from .sample import BrowsedSample


def browse_samples(
    config: str | Path | Config, num: int = 8, seed: int = 0, split: str = 'train'
) -> list[BrowsedSample]:
    """Load the first images of a training: those that one with ``randomness.seed`` learns from, in its batches.

    The config's own sampler, pipeline, batches and data preprocessor make them, so that augmentation, padding and
    grid cells are what the network sees.

    Args:
        config: Config file, or config.
        num: How many images.
        seed: Seed of the training.
        split: ``'train'``, or ``'val'`` or ``'test'`` for those data sets with their own pipelines.

    Returns:
        The images with their objects and cells; fewer if there are fewer.

    Raises:
        ConfigError: If the config is missing or has no such data, or ``num`` is not positive.
    """
    if num < 1:
        raise ConfigError(f'--num {num}: at least one image is needed.')
    config = config if isinstance(config, Config) else load_config(config)
    if config.get(f'{split}_dataloader') is None:
        raise ConfigError(f'--split {split}: the config has no {split}_dataloader.')
    init_default_scope(config.get('default_scope', 'mmdet'))
    with config_faults_explained(config):
        # Nothing is computed with the weights; on this device they take no memory.
        with torch.device('meta'):
            model = MODELS.build(config.model)
        preprocessor = MODELS.build(config.model.get('data_preprocessor') or dict(type='DetDataPreprocessor'))
        loader = _loader(config, split, seed)
        classes = DrawnClasses.of(loader.dataset.metainfo)
        assigner = CellAssigner(model) if CellAssigner.fits(model) else None
        counter = ObjectCounter(loader.dataset)
        samples: list[BrowsedSample] = []
        for batch in loader:
            changes = counter.take(len(batch['inputs']))
            batch = preprocessor(batch, training=split == 'train')
            for image, sample, change in zip(batch['inputs'], batch['data_samples'], changes, strict=True):
                picture = _picture(image, config.model.get('data_preprocessor') or {})
                samples.append(_browsed(picture, sample, assigner, change, classes))
                if len(samples) == num:
                    return samples
    return samples


def _loader(config: Config, split: str, seed: int) -> torch.utils.data.DataLoader:
    """Build the loader of a split, whose samples have the random numbers that they have in a training."""
    settings = copy.deepcopy(config[f'{split}_dataloader'])
    settings.update(num_workers=0, persistent_workers=False)
    for name in ('prefetch_factor', 'pin_memory'):
        settings.pop(name, None)
    for step in _steps(settings):
        # Full masks are left out where there are targets, and pictures need them.
        if getattr(step['type'], '__name__', step['type']).endswith('PackPanopticInputs'):
            step['keep_masks'] = True
    loader = Runner.build_dataloader(settings, seed=seed)
    if loader.batch_sampler is not None:
        endless = isinstance(loader.sampler, InfiniteSampler)
        batches = RepeatableBatches(loader.batch_sampler, seed, rank=0, endless=endless)
        object.__setattr__(loader, 'batch_sampler', batches)
    return loader


def _steps(settings: Any) -> Iterator[dict]:
    """Give all configs of components within a config."""
    if isinstance(settings, Mapping):
        if 'type' in settings:
            yield settings
        settings = list(settings.values())
    if isinstance(settings, (list, tuple)):
        for part in settings:
            yield from _steps(part)


def _picture(image: Tensor, preprocessor: Mapping[str, Any]) -> np.ndarray:
    """Turn the network's input, shape (C, H, W), back into RGB of 0..255, uint8, shape (H, W, 3)."""
    pixels = image.permute(1, 2, 0).float().numpy()
    if preprocessor.get('mean') is not None:
        pixels = pixels * np.asarray(preprocessor['std']) + np.asarray(preprocessor['mean'])
    pixels = pixels.round().clip(0, 255).astype(np.uint8)
    if pixels.shape[2] < 3:
        return pixels[..., :1].repeat(3, axis=2)
    # Images are loaded as BGR.
    return np.ascontiguousarray(pixels[..., :3] if preprocessor.get('bgr_to_rgb') else pixels[..., 2::-1])


def _browsed(
    picture: np.ndarray,
    sample: DetDataSample,
    assigner: CellAssigner | None,
    changes: list[StepChange],
    classes: DrawnClasses,
) -> BrowsedSample:
    size = picture.shape[:2]
    has_objects = 'gt_instances' in sample and 'labels' in sample.gt_instances
    labels, masks = _labelled_masks(sample.gt_instances, size) if has_objects else (None, np.zeros((0, *size), bool))
    ignored_labels, ignored_masks = _labelled_masks(sample.get('ignored_instances', InstanceData()), size)
    semantic_map = None
    if 'gt_sem_seg' in sample:
        found = np.asarray(sample.gt_sem_seg.sem_seg[0])
        if all(side <= full for side, full in zip(found.shape, size, strict=True)):
            missing = [(0, full - side) for side, full in zip(found.shape, size, strict=True)]
            semantic_map = np.pad(found, missing, constant_values=255)
    return BrowsedSample(
        name=Path(sample.get('img_path', '')).name,
        image=picture,
        image_size=tuple(sample.get('img_shape', size)[:2]),
        original_size=tuple(sample.get('ori_shape', size)[:2]),
        labels=labels,
        masks=masks,
        ignored_labels=ignored_labels,
        ignored_masks=ignored_masks,
        semantic_map=semantic_map,
        assignment=assigner(sample) if assigner is not None and has_objects else None,
        changes=changes,
        classes=classes,
    )


def _labelled_masks(instances: InstanceData, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Give labels and masks padded to the input; boxes stand for masks that are not loaded."""
    if 'labels' not in instances:
        return np.zeros(0, dtype=np.int64), np.zeros((0, *size), dtype=bool)
    labels = np.asarray(instances.labels)
    if 'masks' in instances and isinstance(instances.masks, (BitmapMasks, PolygonMasks)):
        masks = BitmapMasks(instances.masks.to_ndarray(), instances.masks.height, instances.masks.width)
        return labels, masks.pad(size).to_ndarray().astype(bool)
    masks = np.zeros((len(labels), *size), dtype=bool)
    boxes = getattr(instances.bboxes, 'tensor', instances.bboxes)
    for mask, (x0, y0, x1, y1) in zip(masks, np.asarray(boxes).round().astype(int).clip(min=0), strict=True):
        mask[y0:y1, x0:x1] = True
    return labels, masks
