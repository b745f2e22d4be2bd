"""``panseg train``: train a model from a config."""

from __future__ import annotations

import argparse

from .common import add_common_arguments


def build_parser() -> argparse.ArgumentParser:
    """Define the arguments of ``tools/train.py``: those of mmdet, and two of ours (see ``--help``)."""
    parser = argparse.ArgumentParser(description='Train a model from a config.')
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints (default: work_dirs/<config name>)')
    parser.add_argument(
        '--amp',
        action='store_true',
        help='mixed precision: float16 or as configured on a GPU, bfloat16 on a CPU',
    )
    parser.add_argument(
        '--auto-scale-lr', action='store_true', help='scale the learning rate with the total batch size'
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='go on from this checkpoint, or without a value from the last complete one in the work dir',
    )
    add_common_arguments(parser)
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Train a model from a config."""
    from mmdet_panseg.engine.training import run_training

    run_training(arguments)
