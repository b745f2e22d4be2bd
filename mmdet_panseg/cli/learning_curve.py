"""``panseg learning-curve``: train configs on more and more images and draw how good they become."""

from __future__ import annotations

import argparse
from pathlib import Path


def build_parser() -> argparse.ArgumentParser:
    """Define the arguments of this command."""
    parser = argparse.ArgumentParser(
        description='AP or PQ against the number of training images: trains and tests what is missing, each for the '
        'iterations of its config, and writes a table and a picture. Ctrl-C stops it; the same command goes on.'
    )
    parser.add_argument('configs', nargs='+', help='config files that count iterations')
    parser.add_argument(
        '--images',
        nargs='+',
        type=_number,
        default=[25, 50, 100, 200, None],
        help='numbers of training images, chosen at random by seed; a larger choice has the images of a smaller one '
        '(default: 25 50 100 200 all)',
    )
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2], help='one training each (default: 0 1 2)')
    parser.add_argument('--max-iters', type=_positive, help='length of the trainings (default: that of each config)')
    parser.add_argument('--metric', default='coco/segm_mAP', help='such as coco_panoptic/PQ (default: coco/segm_mAP)')
    parser.add_argument('--work-dir', type=Path, default='work_dirs/learning_curve', help='folder of runs and files')
    parser.add_argument('--jobs', type=int, default=1, help='trainings at a time (default: 1)')
    return parser


def _number(text: str) -> int | None:
    return None if text == 'all' else _positive(text)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f'{text}: must be a whole number above 0')
    return int(text)


def run(arguments: argparse.Namespace) -> None:
    """Do what the arguments of :func:`build_parser` ask for."""
    from mmdet_panseg.ladder import plan_curve, run_jobs, write_curve

    points = plan_curve(arguments.configs, arguments.images, arguments.seeds, arguments.work_dir, arguments.max_iters)
    jobs = sorted((job for point in points for job in point.jobs), key=lambda job: arguments.seeds.index(job.seed))
    run_jobs(jobs, arguments.jobs, {arguments.metric: arguments.metric})
    paths = write_curve(points, arguments.metric, arguments.work_dir)
    print(paths[0].read_text())
    for path in paths:
        print(f'written: {path}')
