"""Time and memory of the sparse SOLO heads against mmdet's dense ones and against the towers alone.

    python tools/benchmarks/solo_head.py [--head solo decoupled decoupled-light solov2] [--device cuda] [--json FILE]
                                         [--repeats 3] [--cases 800x1344x40 512x832x20] [--modes train test-few]

Each head has mmdet's published settings. The three contestants have the same weights and are measured alternately, so
that their ratios hold when the machine's speed drifts; memory is that of a process of its own for each. A run stops
where ours and mmdet's do not find about the same.

The floor is what our head's ``forward`` runs, on all levels, with given gradients in training: no mask, no loss.

- solo: the mask tower, the class tower and the class convolution.
- decoupled, decoupled-light: the same, with two mask towers or a shared one. The upsampling before the last 3×3
  convolution does not belong to it: that convolution is a sum of nine 1×1 ones, which commute with the upsampling, so
  that a sparse method need not upsample features. It does have to make the maps of the chosen columns and rows.
- solov2: the kernel and class towers with their last convolutions, and the mask feature branch. All cells of the
  towers are needed, for group norm; the last convolution of the kernels could be left to the chosen cells.

A sparse head may fall below the floor where it leaves a level out that has no object.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import multiprocessing
import statistics
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import torch
from mmengine.config import ConfigDict
from rich.console import Console
from rich.table import Table
from solo_head_contestants import (
    CONFIGS,
    CONTESTANTS,
    MODES,
    build,
    class_bias,
    features,
    objects,
    published_model,
    step_of,
)

CASES = ('800x1344x40', '512x832x20', '512x832x300')


class PeakMemory:
    """Peak memory above that at the start: of the device, or of the process, sampled every 2 ms."""

    def __init__(self, device: str) -> None:
        self.cuda = device.startswith('cuda')
        self.process = psutil.Process()

    def __enter__(self) -> PeakMemory:
        if self.cuda:
            torch.cuda.reset_peak_memory_stats()
            self.start = torch.cuda.memory_allocated()
            return self
        self.start = self.peak = self.process.memory_info().rss
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.cuda:
            self.bytes = torch.cuda.max_memory_allocated() - self.start
            return
        self.done.set()
        self.thread.join()
        self.bytes = self.peak - self.start

    def _watch(self) -> None:
        while not self.done.wait(0.002):
            self.peak = max(self.peak, self.process.memory_info().rss)


def timed(step: Callable[[], Any], device: str) -> tuple[float, Any]:
    """Seconds of a call, and what it returns."""
    start = time.perf_counter()
    result = step()
    if device.startswith('cuda'):
        torch.cuda.synchronize()
    return time.perf_counter() - start, result


def _memory_in_child(
    pipe, model: ConfigDict, contestant: str, bias: float, mode: str, case: tuple[int, int, int], device: str
) -> None:
    height, width, count = case
    head = build(model, contestant, bias, device).train(mode == 'train')
    step = step_of(contestant, mode)
    pyramid, sample = features(height, width, device), objects(count, height, width, device)
    step(head, features(64, 64, device), objects(1, 64, 64, device))
    with PeakMemory(device) as memory:
        step(head, pyramid, sample)
    pipe.send(memory.bytes)


def peak_memory(
    model: ConfigDict, contestant: str, bias: float, mode: str, case: tuple[int, int, int], device: str
) -> float:
    """Peak memory in MiB of one step in a fresh process; infinite if the process dies of it."""
    # A process that was forked after the imports starts sooner, but cannot use CUDA.
    context = multiprocessing.get_context('spawn' if device.startswith('cuda') else 'forkserver')
    context.set_forkserver_preload(['mmdet_panseg.models'])
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_memory_in_child, args=(sender, model, contestant, bias, mode, case, device))
    child.start()
    sender.close()
    try:
        return receiver.recv() / 2**20
    except EOFError:
        return math.inf
    finally:
        child.join()


def require_agreement(sparse: dict[str, float], mmdet: dict[str, float]) -> None:
    """Stop a benchmark of nothing.

    Args:
        sparse: Losses, or the number of instances, of our head.
        mmdet: The same of mmdet's.

    Raises:
        RuntimeError: If a figure is zero or the sides are far apart.
    """
    # mmdet's SOLOv2 teaches a cell the masks of all objects that claim it, which adds a third with 300 objects.
    if not all(mmdet[name] > 0 and math.isclose(sparse[name], mmdet[name], rel_tol=0.3) for name in mmdet):
        raise RuntimeError(f'the sides do not do the same: ours gives {sparse}, mmdet gives {mmdet}')


def measure(name: str, mode: str, case: tuple[int, int, int], device: str, repeats: int) -> dict:
    """Median seconds and peak MiB of the floor, of ours and of mmdet's in one mode and case."""
    height, width, count = case
    pyramid, sample = features(height, width, device), objects(count, height, width, device)
    model = published_model(name)
    bias = class_bias(model, mode, pyramid, device)
    heads = {contestant: build(model, contestant, bias, device).train(mode == 'train') for contestant in CONTESTANTS}
    for head in heads.values():
        head.load_state_dict(heads['mmdet'].state_dict())
    seconds: dict[str, list[float]] = {contestant: [] for contestant in CONTESTANTS}
    found = {}
    for repeat in range(repeats + 1):
        for contestant, head in heads.items():
            step = partial(step_of(contestant, mode), head, pyramid, sample)
            duration, found[contestant] = timed(step, device)
            if repeat:
                seconds[contestant].append(duration)
        require_agreement(found['sparse'], found['mmdet'])
    medians = {contestant: statistics.median(values) for contestant, values in seconds.items()}
    memory = {contestant: peak_memory(model, contestant, bias, mode, case, device) for contestant in CONTESTANTS}
    extra = {contestant: max(memory[contestant] - memory['floor'], 0) for contestant in ('sparse', 'mmdet')}
    return dict(
        head=name,
        mode=mode,
        case='x'.join(map(str, case)),
        seconds=medians,
        memory_mib=memory,
        time_over_floor=medians['sparse'] / medians['floor'],
        mmdet_over_floor=medians['mmdet'] / medians['floor'],
        speed_up=medians['mmdet'] / medians['sparse'],
        memory_ratio=memory['sparse'] / memory['mmdet'] if memory['mmdet'] else None,
        extra_memory_ratio=extra['sparse'] / extra['mmdet'] if extra['mmdet'] else None,
    )


def print_table(rows: list[dict], device: str) -> None:
    """Show the ratios."""
    table = Table(title=f'SOLO heads on {device}, torch {torch.__version__}, {torch.get_num_threads()} threads')
    for title in ('head', 'step', 'case', 'floor s', 'sparse s', 'mmdet s', 'sparse / floor', 'mmdet / floor',
                  'mmdet / sparse', 'floor MiB', 'sparse MiB', 'mmdet MiB', 'extra memory sparse / mmdet'):  # fmt: skip
        table.add_column(title, justify='right')
    for row in rows:
        seconds, memory, extra = row['seconds'], row['memory_mib'], row['extra_memory_ratio']
        table.add_row(
            row['head'],
            row['mode'],
            row['case'],
            *(f'{seconds[name]:.3f}' for name in ('floor', 'sparse', 'mmdet')),
            f'{row["time_over_floor"]:.2f}',
            f'{row["mmdet_over_floor"]:.2f}',
            f'{row["speed_up"]:.1f}',
            *(f'{memory[name]:.0f}' for name in ('floor', 'sparse', 'mmdet')),
            '-' if extra is None else f'{extra:.3f}',
        )
    Console(width=190).print(table)


def main() -> None:
    """Run the cases of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--head', nargs='+', default=('solo',), choices=CONFIGS)
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--cases', nargs='+', default=CASES, help='HEIGHTxWIDTHxOBJECTS')
    parser.add_argument('--modes', nargs='+', default=MODES, choices=MODES)
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--json', type=Path, help='write the figures to this file')
    args = parser.parse_args()
    rows = []
    for name, case, mode in itertools.product(args.head, args.cases, args.modes):
        sizes = tuple(int(part) for part in case.split('x'))
        rows.append(measure(name, mode, sizes, args.device, args.repeats))
        print_table(rows[-1:], args.device)
    print_table(rows, args.device)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2))


if __name__ == '__main__':
    main()
