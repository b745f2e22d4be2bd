"""Time and memory of the sparse SOLO head against mmdet's dense one and against the towers alone.

    python tools/benchmarks/solo_head.py [--device cuda] [--json FILE] [--repeats 3] [--cases 800x1344x40 512x832x20]

Every case is measured in a process of its own and alternately for the three contestants, so that their ratios hold when
the machine's speed drifts. The floor is the forward and backward pass of both towers and the class convolution on all
levels with given gradients. The sparse head may fall below it where it leaves a level out that has no object.
"""

import argparse
import copy
import json
import math
import multiprocessing
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import torch
from mmdet.models import SOLOHead
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from rich.console import Console
from rich.table import Table

from mmdet_panseg.models import SparseSOLOHead
from mmdet_panseg.ops import suppress_non_peaks

HEAD = dict(
    num_classes=80,
    in_channels=256,
    feat_channels=256,
    stacked_convs=7,
    strides=[8, 8, 16, 32, 32],
    scale_ranges=((1, 96), (48, 192), (96, 384), (192, 768), (384, 2048)),
    num_grids=[40, 36, 24, 16, 12],
)
TEST_CFG = dict(
    nms_pre=500, score_thr=0.1, mask_thr=0.5, filter_thr=0.05, kernel='gaussian', sigma=2.0, max_per_img=100
)
CASES = ('800x1344x40', '512x832x20', '512x832x300')
FEW = 100
MANY = 30000 * 512 * 832
"""Pairs of a cell and a class above the score threshold; many times the pixels, as mmdet's memory grows with both."""


def features(height: int, width: int, device: str) -> list[torch.Tensor]:
    """Random pyramid at strides 4 to 64, the same at every call."""
    torch.manual_seed(1)
    return [
        torch.randn(1, 256, -(-height // stride), -(-width // stride), device=device) for stride in (4, 8, 16, 32, 64)
    ]


def objects(count: int, height: int, width: int, device: str) -> DetDataSample:
    """Ellipses with log-uniform sizes from 8 pixels to half of the image."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    masks = np.zeros((count, height, width), np.uint8)
    for mask in masks:
        radius = np.exp(rng.uniform(np.log(4), np.log(height / 4), 2))
        center = rng.uniform(radius, np.array([height, width]) - radius)
        mask[((rows - center[0]) / radius[0]) ** 2 + ((columns - center[1]) / radius[1]) ** 2 <= 1] = 1
    bitmap = BitmapMasks(masks, height, width)
    sample = DetDataSample()
    sample.set_metainfo(dict.fromkeys(('img_shape', 'ori_shape', 'batch_input_shape'), (height, width)))
    sample.gt_instances = InstanceData(
        bboxes=bitmap.get_bboxes('hbox').tensor.to(device),
        labels=torch.from_numpy(rng.integers(0, 80, count)).to(device),
        masks=bitmap,
    )
    return sample


class TowersOnly(SparseSOLOHead):
    """The floor: both towers and the class convolution, with gradients fed in and no masks at all."""

    def loss(self, x, batch_data_samples, **kwargs) -> dict[str, torch.Tensor]:
        """Run forward and backward; there is no loss left to differentiate."""
        masks, logits = self(x)
        outputs = [*masks, *logits]
        torch.autograd.backward(outputs, [output.detach() for output in outputs])
        return {}

    def predict(self, x, batch_data_samples, rescale: bool = False, **kwargs) -> list:
        """Run the towers."""
        return list(self(x))


def build(kind: type, class_bias: float, device: str) -> SOLOHead:
    """A head with weights that give masks of all kinds."""
    torch.manual_seed(0)
    head = kind(**copy.deepcopy(HEAD), test_cfg=ConfigDict(TEST_CFG)).to(device)
    for module in head.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.normal_(module.weight, std=0.02)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)
    for conv in head.conv_mask_list:
        torch.nn.init.normal_(conv.weight, std=0.1)
    torch.nn.init.constant_(head.conv_cls.bias, class_bias)
    return head


@torch.no_grad()
def class_bias(mode: str, pyramid: list[torch.Tensor], device: str) -> float:
    """Bias of the class logits with which as many local maxima as the mode asks for are above the score threshold."""
    pixels = pyramid[0].shape[-2] * pyramid[0].shape[-1] * 16
    candidates = MANY // pixels if mode == 'test-many' else FEW
    head = build(SparseSOLOHead, 0.0, device)
    logits = [head.class_logits(feature, level) for level, feature in enumerate(head.align(pyramid))]
    peaks = torch.cat([suppress_non_peaks(level.sigmoid()).flatten() for level in logits])
    threshold = peaks.topk(candidates + 1).values[-1].clamp(min=1e-6)
    return (torch.tensor(TEST_CFG['score_thr']).logit() - threshold.cpu().logit()).item()


def train_step(head: SOLOHead, pyramid: list[torch.Tensor], sample: DetDataSample) -> None:
    """Forward, targets, loss and backward."""
    inputs = [feature.detach().requires_grad_() for feature in pyramid]
    head.zero_grad(set_to_none=True)
    losses = head.loss(tuple(inputs), [copy.copy(sample)])
    if losses:
        sum(losses.values()).backward()


@torch.no_grad()
def test_step(head: SOLOHead, pyramid: list[torch.Tensor], sample: DetDataSample) -> None:
    """Masks, scores and suppression at the size of the image."""
    head.predict(tuple(pyramid), [sample], rescale=True)


class PeakMemory:
    """Peak memory above that at the start: of the device, or of the process, sampled every 2 ms."""

    def __init__(self, device: str) -> None:
        self.cuda = device.startswith('cuda')
        self.process = psutil.Process()

    def __enter__(self) -> 'PeakMemory':
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


def timed(step: Callable[[], None], device: str) -> float:
    """Seconds of a call."""
    start = time.perf_counter()
    step()
    if device.startswith('cuda'):
        torch.cuda.synchronize()
    return time.perf_counter() - start


def _memory_in_child(pipe, kind: type, bias: float, mode: str, case: tuple[int, int, int], device: str) -> None:
    height, width, count = case
    head = build(kind, bias, device).train(mode == 'train')
    step = train_step if mode == 'train' else test_step
    pyramid, sample = features(height, width, device), objects(count, height, width, device)
    step(head, features(64, 64, device), objects(1, 64, 64, device))
    with PeakMemory(device) as memory:
        step(head, pyramid, sample)
    pipe.send(memory.bytes)


def peak_memory(kind: type, bias: float, mode: str, case: tuple[int, int, int], device: str) -> float:
    """Peak memory in MiB of one step in a fresh process; infinite if the process dies of it."""
    context = multiprocessing.get_context('spawn')
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_memory_in_child, args=(sender, kind, bias, mode, case, device))
    child.start()
    sender.close()
    try:
        return receiver.recv() / 2**20
    except EOFError:
        return math.inf
    finally:
        child.join()


def measure(mode: str, case: tuple[int, int, int], device: str, repeats: int) -> dict:
    """Median seconds and peak MiB of the floor, of ours and of mmdet's in one mode and case."""
    height, width, count = case
    kinds = dict(floor=TowersOnly, sparse=SparseSOLOHead, mmdet=SOLOHead)
    pyramid, sample = features(height, width, device), objects(count, height, width, device)
    bias = class_bias(mode, pyramid, device)
    heads = {name: build(kind, bias, device).train(mode == 'train') for name, kind in kinds.items()}
    step = train_step if mode == 'train' else test_step
    seconds: dict[str, list[float]] = {name: [] for name in heads}
    for repeat in range(repeats + 1):
        for name, head in heads.items():
            duration = timed(lambda head=head: step(head, pyramid, sample), device)
            if repeat:
                seconds[name].append(duration)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    memory = {name: peak_memory(kind, bias, mode, case, device) for name, kind in kinds.items()}
    extra = {name: memory[name] - memory['floor'] for name in ('sparse', 'mmdet')}
    return dict(
        mode=mode,
        case='x'.join(map(str, case)),
        seconds=medians,
        memory_mib=memory,
        time_over_floor=medians['sparse'] / medians['floor'],
        mmdet_over_floor=medians['mmdet'] / medians['floor'],
        speed_up=medians['mmdet'] / medians['sparse'],
        memory_ratio=memory['sparse'] / memory['mmdet'],
        extra_memory_ratio=max(extra['sparse'], 0) / extra['mmdet'] if extra['mmdet'] > 0 else None,
    )


def print_table(rows: list[dict], device: str) -> None:
    """Show the ratios."""
    table = Table(title=f'SOLO head on {device}, torch {torch.__version__}, {torch.get_num_threads()} threads')
    for title in ('step', 'case', 'floor s', 'sparse s', 'mmdet s', 'sparse / floor', 'mmdet / floor',
                  'mmdet / sparse', 'floor MiB', 'sparse MiB', 'mmdet MiB', 'extra memory sparse / mmdet'):  # fmt: skip
        table.add_column(title, justify='right')
    for row in rows:
        seconds, memory, extra = row['seconds'], row['memory_mib'], row['extra_memory_ratio']
        table.add_row(
            row['mode'],
            row['case'],
            *(f'{seconds[name]:.3f}' for name in ('floor', 'sparse', 'mmdet')),
            f'{row["time_over_floor"]:.2f}',
            f'{row["mmdet_over_floor"]:.2f}',
            f'{row["speed_up"]:.1f}',
            *(f'{memory[name]:.0f}' for name in ('floor', 'sparse', 'mmdet')),
            '-' if extra is None else f'{extra:.3f}',
        )
    Console(width=150).print(table)


def main() -> None:
    """Run the cases of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--cases', nargs='+', default=CASES, help='HEIGHTxWIDTHxOBJECTS')
    parser.add_argument('--modes', nargs='+', default=('train', 'test-few', 'test-many'))
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--json', type=Path, help='write the figures to this file')
    args = parser.parse_args()
    rows = []
    for case in args.cases:
        for mode in args.modes:
            rows.append(measure(mode, tuple(int(part) for part in case.split('x')), args.device, args.repeats))
            print_table(rows[-1:], args.device)
    print_table(rows, args.device)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2))


if __name__ == '__main__':
    main()
