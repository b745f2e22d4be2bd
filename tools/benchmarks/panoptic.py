"""Time of loading, fusion and panoptic quality against mmdet's on the same generated images.

    python tools/benchmarks/panoptic.py [--json FILE] [--repeats 5] [--images 4] [--size 640x480] [--segments 60]

Both sides are measured alternately, so that ratios hold when the machine's speed drifts, and their results are compared
before. The rows:

- load: ``LoadPanopticAnnotations`` against ``LoadPanopticSegments``, the semantic map alone.
- load with masks: also boxes, labels and full masks of the things, which ``FixClassGT`` makes on our side.
- fuse: ``HeuristicFusionHead`` against ``fuse_panoptic`` with the same thresholds, from masks and a semantic map.
- fuse with argmax: the same from the logits of the semantic map, which mmdet's head takes.
- PQ: ``CocoPanopticMetric`` against ``PanopticQualityMetric``. mmdet's reads the ground truth from its PNG here, where
  ours finds it in the data sample.
- PQ with load: the same with ``LoadPanopticSegments`` on our side.

mmdet's loader and metric need panopticapi (``pip install --no-deps panopticapi-lite``); without it their rows say so.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import torch
from mmdet.datasets.transforms import LoadPanopticAnnotations
from mmdet.evaluation import CocoPanopticMetric
from mmdet.models import HeuristicFusionHead
from mmdet.structures.mask import BitmapMasks
from mmengine.config import ConfigDict
from mmengine.evaluator import BaseMetric
from mmengine.structures import InstanceData
from panoptic_scenes import NAMES, NUM_STUFF, NUM_THINGS, Scene, write_annotations
from rich.console import Console
from rich.table import Table

from mmdet_panseg.datasets import FixClassGT, LoadPanopticSegments
from mmdet_panseg.evaluation import PanopticQualityMetric
from mmdet_panseg.ops import best_channels, fuse_panoptic

METAINFO = dict(classes=NAMES, thing_classes=NAMES[:NUM_THINGS], stuff_classes=NAMES[NUM_THINGS:])
MIN_STUFF_AREA = 4096
NEEDS_PANOPTICAPI = None if find_spec('panopticapi') else 'panopticapi is not installed'


@dataclass
class KnownMaximum:
    """Stands for logits of which the best channel of each pixel is known, int64, shape (H, W)."""

    channels: torch.Tensor

    def argmax(self, dim: int) -> torch.Tensor:
        """Give the best channels."""
        return self.channels


class Contestants:
    """Both sides of each row, as functions of a scene that return what is compared."""

    def __init__(self, scenes: list[Scene], folder: Path) -> None:
        self.load_segments = LoadPanopticSegments()
        self.fix = FixClassGT(strides=None)
        self.metric = PanopticQualityMetric()
        self.metric.dataset_meta = METAINFO
        test_cfg = ConfigDict(mask_overlap=0.5, stuff_area_limit=MIN_STUFF_AREA)
        self.mmdet_fusion = HeuristicFusionHead(NUM_THINGS, NUM_STUFF, test_cfg=test_cfg)
        self.samples = {id(scene): self._ground_truth(scene) for scene in scenes}
        if NEEDS_PANOPTICAPI is None:
            self.mmdet_targets = LoadPanopticAnnotations()
            self.mmdet_map = LoadPanopticAnnotations(with_bbox=False, with_label=False, with_mask=False)
            self.mmdet_metric = CocoPanopticMetric(
                ann_file=str(write_annotations(scenes, folder)), seg_prefix=str(folder)
            )
            self.mmdet_metric.dataset_meta = METAINFO

    def rows(self) -> dict[str, tuple[Callable, Callable, str | None]]:
        """Ours, mmdet's, and why mmdet's cannot be measured, by name of the row."""
        return {
            'load': (self.our_map, self.their_map, NEEDS_PANOPTICAPI),
            'load with masks': (self.our_targets, self.their_targets, NEEDS_PANOPTICAPI),
            'fuse': (self.our_fusion, self.their_fusion, None),
            'fuse with argmax': (self.our_fusion_of_logits, self.their_fusion_of_logits, None),
            'PQ': (self.our_quality, self.their_quality, NEEDS_PANOPTICAPI),
            'PQ with load': (self.our_quality_and_load, self.their_quality, NEEDS_PANOPTICAPI),
        }

    def our_targets(self, scene: Scene) -> list:
        """Load maps, boxes, labels and masks."""
        return targets_of(self.fix(self.load_segments(dict(scene.record))))

    def their_targets(self, scene: Scene) -> list:
        """Do the same by mmdet."""
        return targets_of(self.mmdet_targets(dict(scene.record)))

    def our_map(self, scene: Scene) -> list:
        """Load the semantic map."""
        results = self.load_segments(dict(scene.record))
        return [results['gt_segments'].semantic_map(results['gt_seg_map'])]

    def their_map(self, scene: Scene) -> list:
        """Do the same by mmdet."""
        return [self.mmdet_map(dict(scene.record))['gt_seg_map']]

    def our_fusion(self, scene: Scene) -> list:
        """Fuse the panoptic map from masks and a semantic map."""
        return self._our_fusion(scene, scene.channels)

    def our_fusion_of_logits(self, scene: Scene) -> list:
        """Fuse the panoptic map from masks and logits."""
        return self._our_fusion(scene, best_channels(scene.logits)[1])

    def _our_fusion(self, scene: Scene, channels: torch.Tensor) -> list:
        found = scene.instances
        options = dict(num_things=NUM_THINGS, num_stuff=NUM_STUFF, min_visible=0.5, min_stuff_area=MIN_STUFF_AREA)
        return [fuse_panoptic(scene.masks, found.scores, found.labels, channels + NUM_THINGS, **options)[0]]

    def their_fusion(self, scene: Scene) -> list:
        """Fuse the panoptic map by mmdet, from masks and a semantic map."""
        return self._their_fusion(scene, KnownMaximum(scene.channels))

    def their_fusion_of_logits(self, scene: Scene) -> list:
        """Fuse the panoptic map by mmdet, from masks and logits."""
        return self._their_fusion(scene, scene.logits)

    def _their_fusion(self, scene: Scene, logits: torch.Tensor | KnownMaximum) -> list:
        found = scene.instances
        boxes = found.scores.new_zeros(len(found), 4)
        instances = InstanceData(masks=scene.masks, scores=found.scores, labels=found.labels, bboxes=boxes)
        return [self.mmdet_fusion.predict([instances], [logits])[0].sem_seg[0]]

    def our_quality(self, scene: Scene) -> list:
        """PQ, SQ and RQ of the image."""
        return self._quality(scene, self.samples[id(scene)])

    def our_quality_and_load(self, scene: Scene) -> list:
        """Do the same with the ground truth from its file."""
        return self._quality(scene, self._ground_truth(scene))

    def their_quality(self, scene: Scene) -> list:
        """Do the same by mmdet, which gives percent."""
        # mmdet overwrites void in the prediction
        sample = dict(scene.record, pred_panoptic_seg=dict(sem_seg=scene.panoptic.clone()))
        return [value / 100 for value in score(self.mmdet_metric, sample)]

    def _quality(self, scene: Scene, truth: dict) -> list:
        return score(self.metric, dict(truth, pred_panoptic_seg=dict(sem_seg=scene.panoptic)))

    def _ground_truth(self, scene: Scene) -> dict:
        results = self.load_segments(dict(scene.record))
        truth = torch.from_numpy(results['gt_seg_map'][None].astype(np.int32))
        return dict(scene.record, gt_panoptic_seg=dict(sem_seg=truth, segments=results['gt_segments']))


def targets_of(results: dict) -> list:
    """Give what training takes from a loaded sample."""
    return [*(results[key] for key in ('gt_seg_map', 'gt_bboxes_labels', 'gt_masks')), results['gt_bboxes'].tensor]


def score(metric: BaseMetric, sample: dict) -> list:
    """Values of one image, without what the metric prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        metric.process(None, [sample])
        return list(metric.evaluate(1).values())


def check_equal(row: str, ours: list, theirs: list) -> None:
    """Stop if the two sides do not give the same result."""
    for one, other in zip(ours, theirs, strict=True):
        one, other = (value.to_ndarray() if isinstance(value, BitmapMasks) else value for value in (one, other))
        np.testing.assert_allclose(np.asarray(one, np.float64), np.asarray(other, np.float64), atol=1e-9, err_msg=row)


def timed(step: Callable[[Scene], list], scene: Scene, device: str) -> float:
    """Seconds of a call."""
    start = time.perf_counter()
    step(scene)
    if device.startswith('cuda'):
        torch.cuda.synchronize()
    return time.perf_counter() - start


def measure(scenes: list[Scene], contestants: Contestants, repeats: int, device: str) -> list[dict]:
    """Median milliseconds per image of both sides in each row."""
    rows = []
    for name, (ours, theirs, lacking) in contestants.rows().items():
        sides = dict(ours=ours) if lacking else dict(ours=ours, mmdet=theirs)
        if not lacking:
            for scene in scenes:
                check_equal(name, ours(scene), theirs(scene))
        seconds: dict[str, list[float]] = {side: [] for side in sides}
        for _ in range(repeats):
            for scene in scenes:
                for side, step in sides.items():
                    seconds[side].append(timed(step, scene, device))
        medians = {side: 1000 * statistics.median(values) for side, values in seconds.items()}
        ratio = None if lacking else medians['mmdet'] / medians['ours']
        rows.append(dict(row=name, milliseconds=medians, speed_up=ratio, lacking=lacking))
    return rows


def print_table(rows: list[dict], title: str) -> None:
    """Show the ratios."""
    table = Table(title=title)
    for head in ('step', 'ours ms', 'mmdet ms', 'mmdet / ours'):
        table.add_column(head, justify='left' if head == 'step' else 'right')
    for row in rows:
        ours, theirs = row['milliseconds']['ours'], row['milliseconds'].get('mmdet')
        comparison = (row['lacking'], '-') if row['lacking'] else (f'{theirs:.2f}', f'{row["speed_up"]:.1f}')
        table.add_row(row['row'], f'{ours:.2f}', *comparison)
    Console(width=120).print(table)


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--size', default='640x480', help='WIDTHxHEIGHT')
    parser.add_argument('--segments', type=int, default=60)
    parser.add_argument('--images', type=int, default=4)
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--device', default='cpu', help='where instances and logits are fused')
    parser.add_argument('--json', type=Path, help='write the figures to this file')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)
    width, height = (int(part) for part in args.size.split('x'))
    with tempfile.TemporaryDirectory() as name:
        scenes = [Scene(index, height, width, args.segments, Path(name), args.device) for index in range(args.images)]
        rows = measure(scenes, Contestants(scenes, Path(name)), args.repeats, args.device)
    title = f'{args.images} images of {args.size} with {args.segments} segments, fusion on {args.device}'
    print_table(rows, f'{title}, {args.threads} threads, torch {torch.__version__}')
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2))


if __name__ == '__main__':
    main()
