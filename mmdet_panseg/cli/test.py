"""``panseg test``: test a checkpoint, print its metrics and write them as JSON."""

from __future__ import annotations

import argparse

from .common import add_common_arguments


def build_parser() -> argparse.ArgumentParser:
    """Define the arguments of ``tools/test.py``: those of mmdet, and six of ours (see ``--help``)."""
    parser = argparse.ArgumentParser(description='Test a checkpoint and print its metrics.')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file, or a work dir for its last one')
    parser.add_argument('--work-dir', help='folder for logs and metrics (default: work_dirs/<config name>)')
    parser.add_argument('--out', help='dump the predictions to this pickle file')
    parser.add_argument('--show', action='store_true', help='show the predictions in a window')
    parser.add_argument('--show-dir', help='paint the predictions to this folder under work_dir/<time>')
    parser.add_argument('--wait-time', type=float, default=2, help='seconds for which --show waits')
    parser.add_argument('--tta', action='store_true', help='predict each image mirrored as well, and merge')
    parser.add_argument(
        '--tta-scales', nargs='+', type=float, help='also at sizes that are these factors of the test size: .83 1 1.2'
    )
    parser.add_argument('--amp', action='store_true', help='predict in mixed precision, in bfloat16 on CPUs')
    parser.add_argument('--classwise', action='store_true', help='print the metrics of each class as well')
    parser.add_argument('--json', help='file for the metrics (default: work_dir/test_metrics.json)')
    add_common_arguments(parser)
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Test a checkpoint, print its metrics and write them as JSON."""
    from mmdet_panseg.engine.testing import run_testing

    run_testing(arguments)
