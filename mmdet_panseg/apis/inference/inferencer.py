"""From a trained model and any source of images to predictions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope

from mmdet_panseg.apis.detector import load_detector_with_meta
from mmdet_panseg.engine import load_config
from mmdet_panseg.engine.inference_speed import prepare_for_inference
from mmdet_panseg.engine.optim.bfloat16_speed import warn_of_slow_bfloat16
from mmdet_panseg.errors import ConfigError

from .class_names import class_names
from .model_files import find_model_files
from .pictures import draw_prediction, show_picture
from .prediction import Prediction
from .sample_reading import read_prediction
from .saving import save_predictions
from .sources import Source, SourceImage, open_source
from .sources.opening import Inputs
from .sparse_swap import use_sparse_head
from .test_pipeline import InferencePipeline
from .tiling import OnRow, Tiling, require_tiling

DEFAULT_SCORE_THR = 0.3


class PanopticInferencer:
    """Predict instances, semantic and panoptic maps with a trained model.

    ::

        predictions = PanopticInferencer('work_dirs/panoptic_cpu')('photos/')
        predictions.save('found')
        for prediction in predictions:
            print(prediction.name, prediction.class_names(), prediction.scores)

    It takes any instance or panoptic model of mmdet as well. No code or config text of a checkpoint is run.

    Args:
        config_or_work_dir: Work dir of a training, for its config and its last checkpoint, or a config file.
        weights: Checkpoint, needed with a config file.
        device: Where the model runs: ``'cpu'``, ``'cuda'``, ``'cuda:1'``; ``'auto'`` takes a GPU if there is one.
        batch_size: Number of images, or tiles, that are predicted at a time.
        score_thr: Least score of instances, in panoptic maps too; by default 0.3, and what the config says in
            panoptic maps.
        sparse: Whether to take our sparse head in place of mmdet's SOLO head, after proof that it finds the same.
        tiles: Side in pixels of the tiles in which images are predicted; None predicts them whole. Each tile is resized
            as the config resizes images.
        overlap: Share of a tile's side that its neighbours see as well, above 0 and at most 0.5.
        trust: Whether to open checkpoints that need code to unpickle.
        amp: Whether to predict in mixed precision: bfloat16 on CPUs, float16 on GPUs.

    Raises:
        UserError: If the model cannot be found, built or used so.
    """

    def __init__(
        self,
        config_or_work_dir: str | Path,
        weights: str | Path | None = None,
        device: str = 'auto',
        batch_size: int = 1,
        score_thr: float | None = None,
        sparse: bool = False,
        tiles: int | None = None,
        overlap: float = 0.2,
        trust: bool = False,
        amp: bool = False,
    ) -> None:
        _check(batch_size, score_thr)
        require_tiling(tiles, overlap)
        path, self.checkpoint = find_model_files(config_or_work_dir, weights)
        self.config = load_config(path)
        init_default_scope(self.config.get('default_scope', 'mmdet'))
        self.pipeline = InferencePipeline.of(self.config)
        self.model, meta = load_detector_with_meta(self.config, self.checkpoint, _device(device), trust)
        if sparse:
            use_sparse_head(self.model, self.config)
        self.device_type = next(self.model.parameters()).device.type
        prepare_for_inference(self.model, self.device_type)
        self.amp = amp
        if amp and self.device_type == 'cpu':
            warn_of_slow_bfloat16()
        self.classes = class_names(self.model, meta, self.config)
        self.batch_size = batch_size
        self.score_thr = DEFAULT_SCORE_THR if score_thr is None else score_thr
        if score_thr is not None and getattr(self.model, 'fusion_head', None) is not None:
            self.model.fusion_head.score_thr = score_thr
        self.tiling = None
        if tiles is not None:
            self.tiling = Tiling(self.model, self.pipeline, self.classes, tiles, overlap, self.score_thr, batch_size)

    def __call__(self, inputs: Inputs | Source) -> Predictions:
        """Predict, one batch after the other, while the result is gone through.

        Args:
            inputs: A file, a folder with all below it, a pattern, a BGR array, a list of these, a video, the number of
                a camera, or an open source.

        Returns:
            The predictions; going through them again predicts again.

        Raises:
            SourceError: If there is nothing to predict on.
        """
        source = inputs if isinstance(inputs, Source) else open_source(inputs, self.pipeline.loader)
        return Predictions(self, source)

    def predict(self, images: list[SourceImage], on_row: OnRow | None = None) -> list[Prediction]:
        """Predict on images at once.

        Args:
            images: The images.
            on_row: Called with the number of a row of tiles and of all rows, before it is predicted.

        Returns:
            Their predictions.
        """
        with torch.inference_mode(), torch.autocast(self.device_type, enabled=self.amp):
            if self.tiling is not None:
                return [replace(self.tiling.predict(image, on_row), image=image.rgb()) for image in images]
            data = [self.pipeline(image.pixels, image.name, index) for index, image in enumerate(images)]
            samples = self.model.test_step(pseudo_collate(data))
            return [
                replace(
                    read_prediction(sample, image.name, image.size, self.classes, self.score_thr), image=image.rgb()
                )
                for sample, image in zip(samples, images, strict=True)
            ]


class Predictions:
    """Predictions on a source, made while they are gone through.

    Attributes:
        source: The source; its ``left_out`` says what could not be read.
    """

    def __init__(self, inferencer: PanopticInferencer, source: Source) -> None:
        self._inferencer = inferencer
        self.source = source

    def __iter__(self) -> Iterator[Prediction]:
        """Give the predictions, each with its image."""
        for _, prediction in self.with_images():
            yield prediction

    def with_images(self, on_row: OnRow | None = None) -> Iterator[tuple[SourceImage, Prediction]]:
        """Give the predictions and what they were made on.

        Args:
            on_row: As :meth:`PanopticInferencer.predict` has it.

        Yields:
            Image and prediction.

        Raises:
            SourceError: If no image can be read.
        """
        images = iter(self.source)
        # Of large images, the tiles are the batch.
        number = 1 if self._inferencer.tiling is not None else self._inferencer.batch_size
        while batch := list(islice(images, number)):
            yield from zip(batch, self._inferencer.predict(batch, on_row), strict=True)

    def save(self, folder: str | Path, **options: Any) -> Path:
        """Write pictures, a JSON of the instances, and maps; see :func:`save_predictions`.

        Args:
            folder: Where to write.
            **options: Those of :func:`save_predictions`.

        Returns:
            The folder.
        """
        return save_predictions(self, folder, **options)

    def show(self, most: int = 8) -> None:
        """Show the first pictures with matplotlib: in a notebook below the cell, otherwise in a window.

        Args:
            most: Number of pictures.
        """
        for prediction in islice(self, most):
            show_picture(draw_prediction(prediction), prediction.name)


def _check(batch_size: int, score_thr: float | None) -> None:
    if batch_size < 1:
        raise ConfigError(f'--batch-size {batch_size}: at least one image is needed.')
    if score_thr is not None and not 0 <= score_thr <= 1:
        raise ConfigError(f'--score-thr {score_thr}: scores are from 0 to 1.')


def _device(name: str) -> str:
    if name == 'auto':
        return 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"--device {name}: no such device; 'cpu', 'cuda' and 'cuda:1' are some.") from error
    if device.type == 'cuda' and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(f'--device {name}: this machine has {torch.cuda.device_count()} GPUs that torch can use.')
    return name
