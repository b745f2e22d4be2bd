"""``panseg curves``: draw the curves of trainings."""

from __future__ import annotations

import argparse


def build_parser() -> argparse.ArgumentParser:
    """Describe the arguments of this command."""
    parser = argparse.ArgumentParser(
        description='Draw losses and metrics of one or more trainings, and print their last and best values. The '
        'pieces of a training that was interrupted and resumed are joined.'
    )
    parser.add_argument('runs', nargs='+', help='work dirs, or log files (vis_data/scalars.json)')
    parser.add_argument('--keys', nargs='+', help='what to draw, such as loss coco/segm_mAP (default: the main ones)')
    parser.add_argument('--out', help='picture to write, such as curves.png (default: print the table alone)')
    parser.add_argument('--overwrite', action='store_true', help='replace the picture if it exists')
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Read the logs, print the table, and write the picture."""
    from rich.console import Console

    from mmdet_panseg.apis.curves import choose_keys, curves_picture, curves_table, read_runs
    from mmdet_panseg.engine import write_atomically

    from .output_file import check_output

    path = None if arguments.out is None else check_output(arguments.out, ('.png',), arguments.overwrite)
    runs = read_runs(arguments.runs)
    keys = choose_keys(runs, arguments.keys)
    Console().print(curves_table(runs, keys))
    if path is not None:
        write_atomically(curves_picture(runs, keys), path)
        print(f'written to {path}')
