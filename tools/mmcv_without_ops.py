"""Stands for mmcv's compiled ops: as ``mmcv/_ext.py`` it has the names that mmcv asks for, and a call is an error.

``OPS=none tools/setup_env.sh`` puts it there, so that a set-up needs no compiler; the models of mmdet_panseg call no
ops. A set-up without ``OPS=none`` compiles mmcv and removes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

IS_STAND_IN = True


class MissingOpsError(RuntimeError):
    """An op was called that this mmcv was installed without."""


def __getattr__(name: str) -> Callable[..., NoReturn]:
    if name.startswith('__'):
        raise AttributeError(name)

    def missing(*_: object, **__: object) -> NoReturn:
        raise MissingOpsError(
            f'mmcv was installed without compiled ops (OPS=none), and {name} is one of them. To compile them, 10 to '
            '15 minutes: tools/setup_env.sh without OPS=none.'
        )

    return missing
