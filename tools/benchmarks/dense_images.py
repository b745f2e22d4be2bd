"""Time and memory of making training samples against mmdet's, by number of objects.

    python tools/benchmarks/dense_images.py [--json FILE] [--repeats 5] [--objects 10 1000] [--size 1333x800]

One generated image with polygons goes through ``LoadBoxedAnnotations``, resize, flip, ``FixClassGT`` with its mask
targets and ``PackPanopticInputs``, and through mmdet's ``LoadAnnotations``, resize, flip and ``PackDetInputs``, which
leave the targets to the training process. Both sides are measured alternately. Memory is the most that Python and numpy
hold at a time, without the image.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.registry import DefaultScope
from rich.console import Console
from rich.table import Table

AUGMENT = [dict(type='Resize', scale=(1333, 800), keep_ratio=True), dict(type='RandomFlip', prob=1.0)]
SIDES = dict(
    ours=[
        dict(type='LoadBoxedAnnotations'),
        *AUGMENT,
        dict(type='FixClassGT'),
        dict(type='PackPanopticInputs', meta_keys=()),
    ],
    mmdet=[
        dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
        *AUGMENT,
        dict(type='PackDetInputs', meta_keys=()),
    ],
)


def sample_of(count: int, size: tuple[int, int], radius: float) -> dict:
    """Make an image of width and height ``size`` with polygons of twelve corners."""
    rng = np.random.default_rng(count)
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    instances = []
    for x, y in rng.random((count, 2)) * size:
        radii = radius * rng.uniform(0.6, 1.4, 12)
        corners = np.stack([x + radii * np.cos(angles), y + radii * np.sin(angles)], axis=1).clip(0, size)
        box = [*corners.min(axis=0), *corners.max(axis=0)]
        instances.append(dict(bbox=box, bbox_label=0, ignore_flag=0, mask=[corners.ravel().tolist()]))
    shape = size[::-1]
    image = rng.integers(0, 255, (*shape, 3), np.uint8)
    return dict(img=image, img_path='generated', img_shape=shape, ori_shape=shape, instances=instances)


def memory(step: Callable[[dict], dict], sample: dict) -> float:
    """Most MiB that a call holds, above the image that it resizes."""
    sample = copy.deepcopy(sample)
    tracemalloc.start()
    step(sample)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return (peak - 2 * sample['img'].nbytes) / 2**20


def seconds(step: Callable[[dict], dict], sample: dict) -> float:
    """Time of a call."""
    sample = copy.deepcopy(sample)
    start = time.perf_counter()
    step(sample)
    return time.perf_counter() - start


def measure(counts: list[int], size: tuple[int, int], radius: float, repeats: int) -> list[dict]:
    """Median seconds and peak MiB of both sides for each number of objects."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        sides = {name: Compose(pipeline) for name, pipeline in SIDES.items()}
    rows = []
    for count in counts:
        sample = sample_of(count, size, radius)
        times = {name: [] for name in sides}
        for _ in range(repeats):
            for name, step in sides.items():
                times[name].append(seconds(step, sample))
        row = dict(objects=count)
        for name, step in sides.items():
            row |= {f'{name}_seconds': statistics.median(times[name]), f'{name}_mib': memory(step, sample)}
        rows.append(row)
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--objects', type=int, nargs='+', default=[10, 40, 100, 1000, 3000])
    parser.add_argument('--size', default='1333x800', help='width and height of the image')
    parser.add_argument('--radius', type=float, default=15, help='of the objects, in pixels')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--json', help='file for the figures')
    arguments = parser.parse_args()
    import mmdet_panseg  # noqa: F401

    torch.set_num_threads(1)
    size = tuple(int(side) for side in arguments.size.split('x'))
    rows = measure(arguments.objects, size, arguments.radius, arguments.repeats)
    table = Table('objects', 'ours, s', 'mmdet, s', 'ratio', 'ours, MiB', 'mmdet, MiB', title=f'{arguments.size} image')
    for row in rows:
        ratio = row['mmdet_seconds'] / row['ours_seconds']
        cells = (row['ours_seconds'], row['mmdet_seconds'], ratio, row['ours_mib'], row['mmdet_mib'])
        table.add_row(str(row['objects']), *(f'{cell:.3g}' for cell in cells))
    Console().print(table)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rows, indent=2), encoding='utf-8')


if __name__ == '__main__':
    main()
