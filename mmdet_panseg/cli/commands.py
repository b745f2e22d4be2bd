"""Table of the subcommands, and how one of them is run."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from mmdet_panseg.errors import near_names
from mmdet_panseg.registration import register_parts
from mmdet_panseg.requirements_check import RequirementsError
from mmdet_panseg.version import __version__

COMMANDS = {
    'new': 'write a config for a folder of images and annotations',
    'train': 'train a model from a config',
    'test': 'test a checkpoint and print AP, mIoU and PQ',
    'predict': 'predict on images, folders and videos, and write what was found',
    'sheet': 'draw images, ground truth and predictions on one sheet',
    'browse': 'show what the network is really trained on, with the grid cells of the objects',
    'curves': 'draw losses and metrics of runs, and print the best',
    'summary': 'count parameters, multiply-adds and memory of a model',
    'ladder': 'check, plan, train and compare a folder of ablations',
    'learning-curve': 'train on more and more images and draw how good the models become',
    'scenes': 'make the embedded data set',
    'label-maps': 'make panoptic data of semantic label maps',
    'export': 'write a model for onnxruntime or openvino',
    'check': 'print versions and devices, for a bug report',
}
"""Name and summary of each command; the module of the same name has ``build_parser`` and ``run``."""

_BUSY = ('train', 'ladder', 'learning-curve')


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``panseg COMMAND ...``.

    Args:
        arguments: What follows ``panseg``; by default that of this process.

    Raises:
        SystemExit: With exit code 2 when the command is unknown, and as the command says.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not arguments or arguments[0] in ('-h', '--help'):
        print(_overview())
        return
    name, *rest = arguments
    if name == '--version':
        print(__version__)
    elif name in COMMANDS:
        run_tool(name, rest, f'panseg {name}')
    else:
        print(f'error: panseg {name}: no such command.{near_names(name, COMMANDS)}\n\n{_overview()}', file=sys.stderr)
        sys.exit(2)


def run_tool(name: str, arguments: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run one command.

    Args:
        name: Its name in :data:`COMMANDS`.
        arguments: Its arguments; by default those of this process.
        prog: What its usage calls it; by default the name of the script.

    Raises:
        SystemExit: With the exit code of a :class:`~mmdet_panseg.errors.UserError`, whose message is printed.
    """
    if name not in _BUSY:
        # Threads of OpenMP that wait would take the time of others; read when torch is loaded.
        os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
    command = importlib.import_module(f'mmdet_panseg.cli.{name.replace("-", "_")}')
    parser = command.build_parser()
    if prog is not None:
        parser.prog = prog
    parsed = parser.parse_args(arguments)
    if name == 'check':  # works where the libraries do not
        command.run(parsed)
        return
    try:
        register_parts()
    except RequirementsError as error:
        print(f'error: {error}', file=sys.stderr)
        sys.exit(2)
    from mmdet_panseg.engine.errors import run_command

    run_command(lambda: command.run(parsed))


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f'  {name:{width}}  {summary}' for name, summary in COMMANDS.items()]
    return '\n'.join(['usage: panseg COMMAND ... (panseg COMMAND --help has its arguments)', '', *lines])
