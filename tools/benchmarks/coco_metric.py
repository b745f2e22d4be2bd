"""Time and memory of COCO's AP against mmdet's ``CocoMetric``, on the same generated predictions.

    python tools/benchmarks/coco_metric.py [--json FILE] [--images 200] [--found 100] [--objects 7] [--size 640x480]
        [--classes 80] [--metric segm bbox] [--form tensor] [--sides ours mmdet] [--threads 1]

Each side has a process of its own. Images go to the two in turn, so that ratios hold when the machine's speed drifts;
their figures are compared at the end. The rows:

- set up: reading the ground truth, ``CocoMetric(ann_file)`` against ``use_dataset``. The data set is there before.
- process: ``process`` of all images, one at a time; making the predictions is not measured.
- evaluate: ``evaluate``, which matches and computes.
- all seconds, all CPU seconds: their sum, and that of the processor's time, which other work on the machine changes
  less.
- peak MiB: the most that the process held above what it held with the data set alone, the predictions of one image
  among it (``--form tensor``: FOUND x WIDTH x HEIGHT bytes). Linux only.

``--form rle`` gives the masks as run lengths to both sides: for images with more objects than full masks have room.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmdet.evaluation import CocoMetric
from mmengine.logging import MMLogger
from mmengine.structures import InstanceData
from rich.console import Console
from rich.progress import track
from rich.table import Table

from mmdet_panseg.datasets import CheckedCocoDataset
from mmdet_panseg.evaluation import CheckedCocoMetric
from mmdet_panseg.ops import rle_codes

SIDES = ('ours', 'mmdet')
STEPS = ('set up', 'process', 'evaluate')


@dataclass(frozen=True)
class Case:
    """What is generated.

    Attributes:
        images: Number of images.
        found: Predicted instances of an image; the first of them lie near the objects.
        objects: Objects of an image.
        width: Width of the images in pixels.
        height: Height of the images in pixels.
        classes: Number of classes.
        radius: Median radius of the objects in pixels.
        form: ``'tensor'`` or ``'rle'``, how masks are given to the metrics.
    """

    images: int
    found: int
    objects: int
    width: int
    height: int
    classes: int
    radius: float
    form: str

    def outlines(self, index: int) -> Iterator[tuple[int, np.ndarray]]:
        """Class and outline of each object and instance of an image, float64, shape ``(24, 2)``."""
        rng = np.random.default_rng(index)
        for _ in range(max(self.found, self.objects)):
            angles = 2 * np.pi * np.sort(rng.random(24))
            radii = self.radius * np.exp(rng.normal(0, 0.8)) * (0.7 + 0.3 * rng.random(24))
            center = rng.random(2) * [self.width, self.height]
            outline = center + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
            yield int(rng.integers(self.classes)), outline.clip(0, [self.width, self.height])

    def write(self, folder: Path) -> None:
        """Write an annotation file, whose images are one file."""
        cv2.imwrite(str(folder / 'image.png'), np.zeros((self.height, self.width, 3), np.uint8))
        images, annotations = [], []
        for index in range(self.images):
            images.append(dict(id=index + 1, file_name='image.png', height=self.height, width=self.width))
            for (label, outline), _ in zip(self.outlines(index), range(self.objects), strict=False):
                (x, y), (width, height) = outline.min(axis=0), np.ptp(outline, axis=0) + 1
                annotations.append(
                    dict(
                        id=len(annotations) + 1,
                        image_id=index + 1,
                        category_id=label + 1,
                        bbox=[x, y, width, height],
                        area=width * height * 0.6,
                        iscrowd=0,
                        segmentation=[outline.ravel().round(2).tolist()],
                    )
                )
        categories = [dict(id=label + 1, name=f'class {label}') for label in range(self.classes)]
        content = dict(images=images, annotations=annotations, categories=categories)
        (folder / 'truth.json').write_text(json.dumps(content))

    def sample(self, index: int) -> dict:
        """Make the predictions of an image."""
        rng = np.random.default_rng((index, 1))
        labels, crops, corners = [], [], []
        for (label, outline), _ in zip(self.outlines(index), range(self.found), strict=False):
            moved = np.round(outline + rng.normal(0, 0.05 * self.radius, 2)).clip(0, [self.width - 1, self.height - 1])
            corner, far = moved.min(axis=0).astype(int), moved.max(axis=0).astype(int)
            crop = np.zeros((far - corner)[::-1] + 1, np.uint8)
            cv2.fillPoly(crop, [moved.astype(np.int32) - corner], 1)
            labels.append(label)
            crops.append(crop)
            corners.append(corner)
        corners = np.array(corners)
        sizes = np.array([crop.shape[::-1] for crop in crops])
        found = InstanceData(
            bboxes=torch.from_numpy(np.concatenate([corners, corners + sizes], axis=1)).float(),
            labels=torch.tensor(labels),
            scores=torch.from_numpy(rng.random(self.found).astype(np.float32)),
        )
        found.masks = self._masks(crops, corners)
        return dict(img_id=index + 1, ori_shape=(self.height, self.width), pred_instances=found)

    def _masks(self, crops: list[np.ndarray], corners: np.ndarray) -> torch.Tensor | list[dict]:
        size = (self.height, self.width)
        if self.form == 'rle':
            return [dict(size=list(size), counts=code) for code in rle_codes(crops, corners, size)]
        masks = torch.zeros(len(crops), *size, dtype=torch.bool)
        for mask, crop, (left, top) in zip(masks.numpy(), crops, corners.tolist(), strict=True):
            mask[top : top + crop.shape[0], left : left + crop.shape[1]] = crop
        return masks


def reset_peak() -> int:
    """Forget the most memory that the process has held; give what it holds, in KiB."""
    Path('/proc/self/clear_refs').write_text('5')
    return peak_kib()


def peak_kib() -> int:
    """Give the most memory that the process has held since then, in KiB."""
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith('VmHWM'))


def timed(step: Callable[[], Any]) -> tuple[np.ndarray, Any]:
    """Seconds and CPU seconds of a call, and its result, without what it prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        starts = time.perf_counter(), time.process_time()
        result = step()
        return np.array([time.perf_counter(), time.process_time()]) - starts, result


def compete(pipe: Connection, side: str, case: Case, folder: Path, kinds: list[str], threads: int) -> None:
    """Measure one side: set up, an image for each number received, and the end for None."""
    os.environ['RAYON_NUM_THREADS'] = str(threads)
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    MMLogger.get_current_instance().setLevel('ERROR')
    options = dict(ann_file=str(folder / 'truth.json'), data_prefix=dict(img=str(folder)), pipeline=[])
    _, dataset = timed(lambda: CheckedCocoDataset(test_mode=True, **options))
    case.sample(0)
    start = reset_peak()

    def set_up() -> CocoMetric:
        if side == 'mmdet':
            metric = CocoMetric(ann_file=str(folder / 'truth.json'), metric=kinds)
        else:
            metric = CheckedCocoMetric(metric=kinds)
            metric.use_dataset(dataset)
        metric.dataset_meta = dataset.metainfo
        return metric

    taken, metric = timed(set_up)
    pipe.send(taken)
    while (index := pipe.recv()) is not None:
        sample = case.sample(index)
        pipe.send(timed(lambda sample=sample: metric.process({}, [sample]))[0])
        del sample
    pipe.send((*timed(lambda: metric.evaluate(case.images)), (peak_kib() - start) / 1024))


def measure(case: Case, kinds: list[str], sides: list[str], threads: int) -> dict[str, dict[str, float]]:
    """Seconds of each step and peak MiB, by side."""
    # Freed masks go back to the system: in the heap, what a metric keeps would lie between them and hold their pages.
    os.environ['MALLOC_MMAP_THRESHOLD_'] = str(2**20)
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['mmdet_panseg.evaluation'])
    seconds = {side: {step: np.zeros(2) for step in STEPS} for side in sides}
    figures, results, peaks, pipes = {}, {}, {}, {}
    with tempfile.TemporaryDirectory() as name:
        case.write(Path(name))
        for side in sides:
            pipes[side], other = context.Pipe()
            context.Process(target=compete, args=(other, side, case, Path(name), kinds, threads), daemon=True).start()
            other.close()
            seconds[side]['set up'] = pipes[side].recv()
        for index in track(range(case.images), 'images'):
            for side in sides:
                pipes[side].send(index)
                seconds[side]['process'] += pipes[side].recv()
        for side in sides:
            pipes[side].send(None)
            seconds[side]['evaluate'], results[side], peaks[side] = pipes[side].recv()
            wall, processor = sum(seconds[side].values())
            steps = {step: float(taken[0]) for step, taken in seconds[side].items()}
            totals = {'all seconds': float(wall), 'all CPU seconds': float(processor), 'peak MiB': peaks[side]}
            figures[side] = {**steps, **totals}
    for key, expected in results['mmdet'].items() if len(sides) > 1 else ():
        if abs(results['ours'][key] - expected) > 1e-9:
            raise SystemExit(f'{key} is {results["ours"][key]} and {expected} by mmdet')
    return figures


def print_table(figures: dict[str, dict[str, float]], title: str) -> None:
    """Show the figures and their ratios."""
    table = Table(title=title, min_width=min(len(title), 110))
    for head in ('', 'ours', 'mmdet', 'mmdet / ours'):
        table.add_column(head, justify='right' if head else 'left')
    for row in (*STEPS, 'all seconds', 'all CPU seconds', 'peak MiB'):
        cells = [f'{figures[side][row]:.2f}' if side in figures else '-' for side in SIDES]
        both = len(figures) == len(SIDES)
        table.add_row(row, *cells, f'{figures["mmdet"][row] / figures["ours"][row]:.1f}' if both else '-')
    Console(width=120).print(table)


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--images', type=int, default=200)
    parser.add_argument('--found', type=int, default=100, help='predicted instances of an image')
    parser.add_argument('--objects', type=int, default=7, help='objects of an image; COCO has 7')
    parser.add_argument('--size', default='640x480', help='WIDTHxHEIGHT')
    parser.add_argument('--classes', type=int, default=80)
    parser.add_argument('--radius', type=float, default=27.0, help='median radius of the objects in pixels')
    parser.add_argument('--form', choices=('tensor', 'rle'), default='tensor', help='form of the predicted masks')
    parser.add_argument('--metric', nargs='+', choices=('segm', 'bbox'), default=['segm', 'bbox'])
    parser.add_argument('--sides', nargs='+', choices=SIDES, default=list(SIDES), help='what is measured')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--json', type=Path, help='write the figures to this file')
    args = parser.parse_args()
    width, height = (int(part) for part in args.size.split('x'))
    case = Case(args.images, args.found, args.objects, width, height, args.classes, args.radius, args.form)
    figures = measure(case, args.metric, args.sides, args.threads)
    title = f'{case.images} x {args.size}, {case.objects} objects, {case.found} found, {" ".join(args.metric)}'
    print_table(figures, f'{title}, {args.threads} threads')
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2))


if __name__ == '__main__':
    main()
