"""Arguments that training and testing share."""

from __future__ import annotations

import argparse

from mmengine.config import DictAction


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that training and testing share.

    Args:
        parser: The parser, changed in place.
    """
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override settings: key=value, nested.key=value, key="[a,b]", key="[(a,b),(c,d)]"',
    )
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by older torch launchers')
    parser.add_argument(
        '--channels-last',
        action=argparse.BooleanOptionalAction,
        help='keep the model in channels-last memory format (default: on CPUs, which are faster with it)',
    )
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='open checkpoints that need code to unpickle; only for files whose origin you trust',
    )
