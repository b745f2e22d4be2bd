"""A picture sheet of a trained model: images of its data set with ground truth and prediction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from mmdet.utils import get_test_pipeline_cfg
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope

from mmdet_panseg.engine import ConfigError, load_config
from mmdet_panseg.visualization import (
    ImageResults,
    annotated_results,
    compose_sheet,
    predicted_instances,
    predicted_results,
)
from mmdet_panseg.visualization.result_rows import (
    INSTANCE_TITLES,
    PANOPTIC_TITLES,
    DrawnClasses,
    instance_legend,
    instance_rows,
    panoptic_legend,
    panoptic_rows,
)

from .annotated_dataset import PANOPTIC_DATASETS, load_annotated_dataset
from .detector import load_detector, predict


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

    is_panoptic = isinstance(dataset, PANOPTIC_DATASETS)
    draw_rows, draw_legend = (panoptic_rows, panoptic_legend) if is_panoptic else (instance_rows, instance_legend)
    classes = DrawnClasses.of(dataset.metainfo)
    rows, shown = [], set()
    for index in chosen:
        annotated, result = dataset[index], predict(model, test_pipeline, dataset.get_data_info(index))
        truth = annotated_results(annotated)
        if is_panoptic:
            predicted = predicted_results(result, classes.num_things, len(classes.names), score_thr)
        else:
            predicted = ImageResults(predicted_instances(result, score_thr))
        image = annotated['img'][..., ::-1].copy()
        rows += draw_rows(annotated['img_path'], image, truth, predicted, classes, score_thr, frame)
        shown |= truth.labels() | predicted.labels()
    titles = PANOPTIC_TITLES if is_panoptic else INSTANCE_TITLES
    return compose_sheet(rows, titles, draw_legend(shown, classes))
