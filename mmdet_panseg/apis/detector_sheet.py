"""A picture sheet of a trained model: images of its data set with ground truth and prediction."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from mmdet.datasets import CocoPanopticDataset
from mmdet.registry import DATASETS, MODELS
from mmdet.structures import DetDataSample
from mmdet.utils import get_test_pipeline_cfg
from mmengine.config import Config, ConfigDict
from mmengine.dataset import BaseDataset, Compose, pseudo_collate
from mmengine.model.utils import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from torch import nn

from mmdet_panseg.datasets import CheckedCocoPanopticDataset
from mmdet_panseg.engine import ConfigError, load_checkpoint_safely, load_config
from mmdet_panseg.engine.checkpoints import checkpoint_named, load_matching, require_match, weights_in
from mmdet_panseg.visualization.colors import class_palette, instance_colors
from mmdet_panseg.visualization.instance_drawing import Instances, draw_instances
from mmdet_panseg.visualization.picture_sheet import LegendEntry, SheetRow, compose_sheet
from mmdet_panseg.visualization.result_rows import PANOPTIC_TITLES, PanopticPalette, panoptic_legend, panoptic_rows
from mmdet_panseg.visualization.results import annotated_results, instances_above, predicted_results

__all__ = ['detector_sheet', 'load_annotated_dataset', 'load_detector', 'predicted_instances']

TITLES = ('image', 'ground truth', 'prediction')
PANOPTIC_DATASETS = (CheckedCocoPanopticDataset, CocoPanopticDataset)
# Steps that decide what is ground truth; evaluation sees their result as well.
_SEGMENT_EDITS = ('RemoveCrowds', 'FilterCategories', 'SplitStuffIslands')
_MAX_LEGEND = 30


def detector_sheet(
    config: str | Path | Config,
    checkpoint: str | Path,
    num: int = 8,
    score_thr: float = 0.3,
    seed: int = 0,
    split: str = 'val',
    device: str = 'cpu',
    frame: tuple[int, int] = (360, 480),
    trust: bool = False,
) -> np.ndarray:
    """Draw some images of a data set with their annotations and a detector's predictions.

    With a panoptic data set there are two rows per image, ground truth above prediction, with columns for instances,
    semantic map and panoptic map; what the model does not predict is left empty. With other data sets there is one row
    per image, with ground truth and prediction of instances side by side.

    Args:
        config: Config file, or config, of the detector.
        checkpoint: Checkpoint file of this detector.
        num: How many images to draw at random; all of them if there are fewer.
        score_thr: Predictions below this score are left out.
        seed: Seed of the choice of images.
        split: ``'train'``, ``'val'`` or ``'test'``: whose data set is used.
        device: Where the detector runs.
        frame: Height and width in pixels that every picture is scaled to fit.
        trust: Whether to open checkpoints that need code to unpickle; for known files only.

    Returns:
        The sheet, an RGB image of shape (H, W, 3), uint8.

    Raises:
        CheckpointError: If the checkpoint is missing, unsafe to open, or of another model.
        ConfigError: If the config is missing or has no such split, or ``num`` is not positive.
    """
    if num < 1:
        raise ConfigError(f'--num {num}: at least one image is needed.')
    config = config if isinstance(config, Config) else load_config(config)
    init_default_scope(config.get('default_scope', 'mmdet'))
    model = load_detector(config, checkpoint, device, trust)
    dataset = load_annotated_dataset(config, split)
    test_pipeline = Compose(get_test_pipeline_cfg(config))
    chosen = sorted(np.random.default_rng(seed).permutation(len(dataset))[:num].tolist())
    draw = _panoptic_sheet if isinstance(dataset, PANOPTIC_DATASETS) else _instance_sheet
    pairs = ((dataset[index], predict(model, test_pipeline, dataset.get_data_info(index))) for index in chosen)
    return draw(pairs, dataset.metainfo, score_thr, frame)


def _instance_sheet(
    pairs: Iterable[tuple[dict, DetDataSample]], metainfo: dict, score_thr: float, frame: tuple[int, int]
) -> np.ndarray:
    """One row per annotated sample and its prediction: image, ground truth, prediction."""
    classes = metainfo['classes']
    palette = metainfo.get('palette') or class_palette(len(classes))
    rows, shown = [], set()
    for annotated, result in pairs:
        truth, predicted = annotated_instances(annotated), instances_above(result, score_thr)
        image = annotated['img'][..., ::-1].copy()
        nothing = Instances(np.zeros((0, *image.shape[:2]), dtype=bool), np.zeros(0, dtype=int))
        pictures = [
            draw_instances(image, instances, classes, palette, frame) for instances in (nothing, truth, predicted)
        ]
        shown.update(truth.labels.tolist(), predicted.labels.tolist())
        rows.append(SheetRow(_caption(annotated['img_path'], truth, predicted, score_thr), pictures))
    return compose_sheet(rows, TITLES, _legend(sorted(shown), classes, palette))


def _panoptic_sheet(
    pairs: Iterable[tuple[dict, DetDataSample]], metainfo: dict, score_thr: float, frame: tuple[int, int]
) -> np.ndarray:
    """Two rows per annotated sample: its instances, semantic map and panoptic map above the predicted ones."""
    classes = PanopticPalette.of(metainfo)
    rows, shown = [], set()
    for annotated, result in pairs:
        truth = annotated_results(annotated)
        predicted = predicted_results(result, classes.num_things, len(classes.names), score_thr)
        image = annotated['img'][..., ::-1].copy()
        rows += panoptic_rows(annotated['img_path'], image, truth, predicted, classes, score_thr, frame)
        shown |= truth.labels() | predicted.labels()
    return compose_sheet(rows, PANOPTIC_TITLES, panoptic_legend(shown, classes))


def load_detector(config: Config, checkpoint: str | Path, device: str = 'cpu', trust: bool = False) -> nn.Module:
    """Build a config's model in evaluation mode, with every weight from a checkpoint.

    Args:
        config: Config of the detector.
        checkpoint: Checkpoint file, or a work dir for its last one.
        device: Where the model goes.
        trust: Whether to open checkpoints that need code to unpickle.

    Returns:
        The model.

    Raises:
        CheckpointError: If the checkpoint is missing, unsafe to open, or of another model.
    """
    name = checkpoint_named(str(checkpoint))
    weights = weights_in(load_checkpoint_safely(name, trust=trust), name)
    # The CPU has no synchronised batch norm.
    model = revert_sync_batchnorm(MODELS.build(config.model))
    require_match(load_matching(model, weights), name, complete=True)
    return model.to(device).eval()


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
        load = _loading_step(steps, 'LoadAnnotations', 'LoadAnnotations')
        annotations = [dict(load, with_bbox=True, with_mask=True)]
    image = dict(_loading_step(steps, 'Image', 'LoadImageFromFile'), to_float32=False)
    dataset['pipeline'] = [image, *annotations]
    # Test mode keeps images without objects.
    dataset['test_mode'] = True
    return DATASETS.build(dataset)


def annotated_instances(sample: dict) -> Instances:
    """The annotations of a sample of :func:`load_annotated_dataset`; those to be ignored count as crowds."""
    return Instances(
        masks=sample['gt_masks'].to_ndarray().astype(bool),
        labels=sample['gt_bboxes_labels'],
        crowds=sample['gt_ignore_flags'],
    )


@torch.no_grad()
def predict(model: nn.Module, pipeline: Compose, data_info: dict) -> DetDataSample:
    """What a model gives for one image.

    Args:
        model: The model, in evaluation mode.
        pipeline: Its test pipeline.
        data_info: The data set's entry of the image.

    Returns:
        Its result, in the resolution of the image file.
    """
    return model.test_step(pseudo_collate([pipeline(data_info)]))[0]


def predicted_instances(model: nn.Module, pipeline: Compose, data_info: dict, score_thr: float) -> Instances:
    """What a detector finds in one image.

    Args:
        model: The detector, in evaluation mode.
        pipeline: Its test pipeline.
        data_info: The data set's entry of the image.
        score_thr: Lowest score that is kept.

    Returns:
        Instances in the resolution of the image file.
    """
    return instances_above(predict(model, pipeline, data_info), score_thr)


def _is_panoptic(dataset: ConfigDict) -> bool:
    kind = dataset['type'] if inspect.isclass(dataset['type']) else DATASETS.get(dataset['type'])
    return kind is not None and issubclass(kind, PANOPTIC_DATASETS)


def _loading_step(pipeline: Sequence[ConfigDict], part_of_name: str, default: str) -> dict:
    """The pipeline's own ``Load...`` step of that kind, which may know a storage backend, or a default."""
    for step in pipeline:
        if _name(step).startswith('Load') and part_of_name in _name(step):
            return step
    return dict(type=default)


def _name(step: ConfigDict) -> str:
    """Name of the class of a step, without the name of its registry."""
    return getattr(step['type'], '__name__', step['type']).split('.')[-1]


def _caption(path: str, truth: Instances, predicted: Instances, score_thr: float) -> str:
    crowds = int(np.count_nonzero(truth.crowds))
    counted = [(len(truth.labels) - crowds, 'object'), (crowds, 'crowd')]
    objects = ' and '.join(f'{n} {noun}{"s" * (n != 1)}' for n, noun in counted if n or noun == 'object')
    return f'{Path(path).name}   ·   {objects}, {len(predicted.labels)} found with score ≥ {score_thr:g}'


def _legend(labels: Sequence[int], classes: Sequence[str], palette: Sequence[Sequence[int]]) -> list[LegendEntry]:
    """Classes that occur, unless there is nothing to tell apart or too much."""
    if not 1 < len(labels) <= _MAX_LEGEND:
        return []
    return [(classes[label], instance_colors([label], palette)[0]) for label in labels]
