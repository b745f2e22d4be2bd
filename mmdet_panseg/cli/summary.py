"""``panseg summary``: count what a model has and takes."""

from __future__ import annotations

import argparse


def build_parser() -> argparse.ArgumentParser:
    """Describe the arguments of this command."""
    from mmengine.config import DictAction

    parser = argparse.ArgumentParser(
        description='Print parameters, multiply-adds and memory of a model, module by module. Nothing is computed, and '
        'no weights are needed, and data only where the config reads its classes from them.'
    )
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--size', nargs=2, type=int, metavar=('H', 'W'), help='image size in pixels (default: that of the test)'
    )
    parser.add_argument('--depth', type=int, default=2, help='levels of modules below the model (default: 2)')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='override settings: key=value')
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Count and print the table."""
    from rich.console import Console

    from mmdet_panseg.apis.summary import summarise_model, summary_table
    from mmdet_panseg.engine import load_config

    config = load_config(arguments.config, arguments.cfg_options)
    size = None if arguments.size is None else tuple(arguments.size)
    Console().print(summary_table(summarise_model(config, size, arguments.depth)))
