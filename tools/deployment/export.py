"""Writes a model for onnxruntime or openvino; see ``--help``."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

if __name__ == '__main__':
    if find_spec('mmdet_panseg') is None:  # not installed: use the package beside this folder
        sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from mmdet_panseg.cli import run_tool

    run_tool('export')
