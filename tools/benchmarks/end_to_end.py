"""From an image file to masks, and a training step, against mmdet's models on the same backbone.

    python tools/benchmarks/end_to_end.py [--json FILE] [--repeats 5] [--size 1333x800] [--threads 2] [--training]

Models have ResNet-50 and initial weights, the same image goes through all, in turns, so that ratios hold when the
machine's speed drifts. mmdet's SOLO, SOLOv2, Mask R-CNN and PanopticFPN run as they come. Ours run as in ``panseg
predict``, with batch norm folded, in channels-last memory format, and then in bfloat16 as well (``--amp``).

Stages: ``load`` decodes and resizes the image file; ``backbone`` and ``neck``; ``heads`` is all that follows up to
masks of the image's size, semantic and panoptic map; ``rle`` encodes the masks as ``panseg test`` does. Initial weights
find what they find: ``masks`` is their number, and Mask R-CNN without detections runs no mask head.

``--training`` times forward and backward pass of an image with ten objects; ours in float32 and channels-last.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from dense_images import sample_of
from mmcv.transforms import Compose
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.hub import get_config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from pycocotools import mask as coco_masks
from rich.console import Console
from rich.table import Table
from torch import nn

import mmdet_panseg  # noqa: F401
from mmdet_panseg.engine import load_config
from mmdet_panseg.engine.hooks.channels_last_hook import to_channels_last
from mmdet_panseg.engine.inference_speed import prepare_for_inference

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
THEIRS = {
    'mmdet SOLO': 'solo/solo_r50_fpn_1x_coco.py',
    'mmdet SOLOv2': 'solov2/solov2_r50_fpn_1x_coco.py',
    'mmdet Mask R-CNN': 'mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py',
    'mmdet PanopticFPN': 'panoptic_fpn/panoptic-fpn_r50_fpn_1x_coco.py',
}
OURS = {
    'SOLO': 'solo/solo_r50_fpn_p2p6_1x_coco.py',
    'SOLOv2': 'solo/heads/solov2_1x.py',
    'PanopticSOLO': 'panoptic/panoptic_solo_r50_fpn_p2p6_1x_coco.py',
}
ANNOTATIONS = ('LoadAnnotations', 'LoadPanopticAnnotations', 'LoadPanopticSegments')
META = ('img_shape', 'ori_shape', 'img_path')
STAGES = ('load', 'backbone', 'neck', 'heads', 'rle')


@dataclass
class Contestant:
    """A model with its way of running.

    Attributes:
        name: As in the table.
        model: The detector.
        pipeline: From an image file to the model's input.
        amp: Whether it runs in bfloat16.
        seconds: Of each stage, one entry a run.
        masks: Number of masks found.
    """

    name: str
    model: nn.Module
    pipeline: Compose
    amp: bool = False
    seconds: dict[str, list[float]] = field(default_factory=lambda: {stage: [] for stage in STAGES})
    masks: int = 0

    def run(self, path: str) -> None:
        """Go from the image file to encoded masks, and note the time of each stage."""
        with self._timed() as inner, torch.inference_mode(), torch.autocast('cpu', enabled=self.amp):
            start = time.perf_counter()
            data = pseudo_collate([self.pipeline(dict(img_path=path, img_id=0))])
            loaded = time.perf_counter()
            sample = self.model.test_step(data)[0]
            found = time.perf_counter()
            self.masks = len(encoded(sample))
            done = time.perf_counter()
        own = dict(load=loaded - start, rle=done - found, heads=found - loaded - sum(inner.values()), **inner)
        for stage, taken in own.items():
            self.seconds[stage].append(taken)

    @contextmanager
    def _timed(self) -> Iterator[dict[str, float]]:
        taken: dict[str, float] = {}
        handles = []
        for stage in ('backbone', 'neck'):

            def begin(module: nn.Module, inputs: tuple, stage: str = stage) -> None:
                taken[stage] = -time.perf_counter()

            def end(module: nn.Module, inputs: tuple, output: object, stage: str = stage) -> None:
                taken[stage] += time.perf_counter()

            part = getattr(self.model, stage)
            handles += [part.register_forward_pre_hook(begin), part.register_forward_hook(end)]
        try:
            yield taken
        finally:
            for handle in handles:
                handle.remove()


def encoded(sample: DetDataSample) -> list:
    """Encode the masks of a sample, as metrics do."""
    if 'pred_instances' not in sample:
        return []
    masks = sample.pred_instances.masks.numpy()
    return [coco_masks.encode(np.asfortranarray(mask)) for mask in masks]


def build(name: str, path: str) -> tuple[nn.Module, Config]:
    """Build a model with random weights and its config."""
    torch.manual_seed(0)
    config = get_config(f'mmdet::{path}') if name in THEIRS else load_config(CONFIGS / path)
    config.model.backbone.pop('init_cfg', None)
    if config.model.type == 'PanopticSOLO':
        config.model.update(num_things=80, num_stuff=53)
    model = MODELS.build(config.model)
    model.init_weights()
    return model, config


def contestants() -> list[Contestant]:
    """Build all models, ours twice."""
    found = []
    for name, path in (THEIRS | OURS).items():
        for amp in (False, True) if name in OURS else (False,):
            model, config = build(name, path)
            model.eval()
            if name in OURS:
                prepare_for_inference(model, 'cpu')
            steps = [step for step in config.test_pipeline if step['type'].split('.')[-1] not in ANNOTATIONS]
            found.append(Contestant(f'{name}, bfloat16' if amp else name, model, Compose(steps), amp))
    return found


def training_steps(size: tuple[int, int]) -> Iterator[tuple[str, Callable[[], float]]]:
    """Make functions that time forward and backward pass, ours in channels-last memory format."""
    sample = sample_of(10, size, 60)
    labels = PixelData(sem_seg=torch.zeros(1, *size[::-1], dtype=torch.uint8))
    for name, path in (THEIRS | OURS).items():
        model, config = build(name, path)
        model.train()
        if name in OURS:
            to_channels_last(model)
            fix = [step for step in config.train_dataloader.dataset.pipeline if step['type'] == 'FixClassGT']
            steps = [dict(type='LoadBoxedAnnotations'), *fix, dict(type='PackPanopticInputs', meta_keys=META)]
        else:
            load = dict(type='LoadAnnotations', with_bbox=True, with_mask=True)
            steps = [load, dict(type='PackDetInputs', meta_keys=META)]
        packed = Compose(steps)(dict(sample))
        packed['data_samples'].gt_sem_seg = labels.clone()
        yield name, partial(training_step, model, pseudo_collate([packed]))


def training_step(model: nn.Module, packed: dict) -> float:
    """Seconds of forward and backward pass."""
    data = model.data_preprocessor(copy.deepcopy(packed), True)
    start = time.perf_counter()
    model.parse_losses(model(**data, mode='loss'))[0].backward()
    taken = time.perf_counter() - start
    model.zero_grad()
    return taken


def measure_inference(size: tuple[int, int], repeats: int) -> list[dict]:
    """Median seconds of each stage of each model."""
    everyone = contestants()
    width, height = size
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, 'image.jpg'))
        noise = np.random.default_rng(0).integers(0, 255, (height // 8, width // 8, 3), np.uint8)
        cv2.imwrite(path, cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC))
        for _ in range(repeats + 1):
            for one in everyone:
                one.run(path)
    rows = []
    for one in everyone:
        medians = {stage: statistics.median(taken[1:]) for stage, taken in one.seconds.items()}
        rows.append(dict(name=one.name, masks=one.masks, total=sum(medians.values()), **medians))
    return rows


def measure_training(size: tuple[int, int], repeats: int) -> list[dict]:
    """Median seconds of a training step of each model."""
    steps = dict(training_steps(size))
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats + 1):
        for name, step in steps.items():
            times[name].append(step())
    return [dict(name=name, total=statistics.median(taken[1:])) for name, taken in times.items()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--size', default='1333x800', help='width and height of the image file')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--training', action='store_true', help='time training steps, not inference')
    parser.add_argument('--json', help='file for the figures')
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    init_default_scope('mmdet')
    # Each initial weight is a line of the log.
    MMLogger.get_instance('end_to_end', log_level='ERROR')
    width, height = (int(side) for side in arguments.size.split('x'))
    measure = measure_training if arguments.training else measure_inference
    rows = measure((width, height), arguments.repeats)
    columns = [key for key in rows[0] if key not in ('name', 'masks')]
    title = f'{arguments.size} image, R50, {arguments.threads} threads, torch {torch.__version__}; seconds'
    table = Table('model', *columns, *(['masks'] if 'masks' in rows[0] else []), title=title)
    for row in rows:
        numbers = [str(row['masks'])] if 'masks' in row else []
        table.add_row(row['name'], *(f'{row[key]:.3f}' for key in columns), *numbers)
    Console(width=110).print(table)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rows, indent=2), encoding='utf-8')


if __name__ == '__main__':
    main()
