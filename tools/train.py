"""Trains a model from a config; see ``--help``."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path


def main() -> None:
    """Read the command line and train."""
    if find_spec('mmdet_panseg') is None:  # not installed: use the package beside this folder
        sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import mmdet_panseg  # noqa: F401, registers its parts also for configs that do not import it
    from mmdet_panseg.engine.errors import run_command
    from mmdet_panseg.engine.training import build_train_parser, run_training

    arguments = build_train_parser().parse_args()
    run_command(lambda: run_training(arguments))


if __name__ == '__main__':
    main()
