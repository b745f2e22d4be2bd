"""Keep what a run was started with."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmdet_panseg.engine.checkpoints.atomic_backend import write_atomically
from mmdet_panseg.environment import versions


def write_run_record(command: str, config: Config, arguments: Mapping[str, Any]) -> Path:
    """Write arguments, resolved config and versions of a run to its work dir.

    Args:
        command: Name of the command, for example ``train``.
        config: The resolved config; its ``work_dir`` is the place.
        arguments: What the command line was given.

    Returns:
        The file, ``run_<command>_<date>_<time>.json``; a resumed run writes another one.
    """
    now = time.strftime('%Y%m%d_%H%M%S')
    record = {
        'command': command,
        'started': now,
        'command_line': sys.argv,
        'arguments': dict(arguments),
        'versions': versions(),
        'config_file': config.filename,
        'config': config.to_dict(),
    }
    path = Path(config.work_dir, f'run_{command}_{now}.json')
    # classes and functions in configs have no JSON form; their names say enough
    write_atomically((json.dumps(record, indent=2, default=repr) + '\n').encode(), path)
    return path
