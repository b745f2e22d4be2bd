"""Import of mmdet without its lines about optional packages that nothing here uses."""

from __future__ import annotations

import importlib
import io
import warnings
from contextlib import redirect_stdout

_OPTIONAL = ('Could not import OneDL', 'faster_coco_eval is not installed')


def import_mmdet() -> None:
    """Import mmdet's data sets and metrics; whatever else they print is printed."""
    printed = io.StringIO()
    with redirect_stdout(printed), warnings.catch_warnings():
        for start in _OPTIONAL:
            warnings.filterwarnings('ignore', message=start)
        for part in ('datasets', 'evaluation'):
            importlib.import_module(f'mmdet.{part}')
    for line in printed.getvalue().splitlines():
        if not line.startswith(_OPTIONAL):
            print(line)
