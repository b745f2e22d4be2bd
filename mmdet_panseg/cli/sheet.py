"""``panseg sheet``: draw images, ground truth and predictions on one sheet."""

from __future__ import annotations

import argparse
from pathlib import Path


def build_parser() -> argparse.ArgumentParser:
    """Describe the arguments of this command."""
    parser = argparse.ArgumentParser(
        description='Draw images, ground truth and predictions: instances side by side or, with a panoptic data set, '
        'instances, semantic map and panoptic map with ground truth above prediction.'
    )
    parser.add_argument('config', help='config file of the model')
    parser.add_argument('checkpoint', help='checkpoint file, or a work dir for its last one')
    parser.add_argument('--out', required=True, help='image file to write, such as sheet.png')
    parser.add_argument('--num', type=int, default=8, help='number of images (default: 8)')
    parser.add_argument('--score-thr', type=float, default=0.3, help='lowest score of instances drawn (default: 0.3)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the choice of images (default: 0)')
    parser.add_argument('--split', choices=('train', 'val', 'test'), default='val', help='data (default: val)')
    parser.add_argument('--device', default='cpu', help='where the model runs (default: cpu)')
    parser.add_argument('--trust-checkpoint', action='store_true', help='open a checkpoint that needs code to unpickle')
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Draw the sheet that the arguments of :func:`build_parser` ask for, and write it."""
    from PIL import Image

    from mmdet_panseg.apis import detector_sheet
    from mmdet_panseg.engine import ConfigError

    if Path(arguments.out).suffix.lower() not in Image.registered_extensions():
        raise ConfigError(f'--out {arguments.out}: the name must end like an image file, such as .png.')
    sheet = detector_sheet(
        arguments.config,
        arguments.checkpoint,
        num=arguments.num,
        score_thr=arguments.score_thr,
        seed=arguments.seed,
        split=arguments.split,
        device=arguments.device,
        trust=arguments.trust_checkpoint,
    )
    Path(arguments.out).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(arguments.out)
    print(f'picture sheet written to {arguments.out}')
