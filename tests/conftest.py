"""Fixtures that all tests share."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

# The tests start processes of their own: threads of each would fight for the cores.
os.environ.setdefault('OMP_NUM_THREADS', '1')
# A job in the background of a shell ignores Ctrl-C, and so would the processes that the tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

import pytest  # noqa: E402
import torch  # noqa: E402
from mmengine.logging import MMLogger  # noqa: E402

from repository import REPOSITORY  # noqa: E402

DATA_ROOT = Path(os.environ.get('PANSEG_DATA', REPOSITORY.parent / 'shared' / 'data'))


@pytest.fixture(scope='session')
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope='session')
def real_data():
    """Give the folder of a pack of real photographs, or skip the test."""

    def find(name: str) -> Path:
        folder = DATA_ROOT / name
        if not folder.is_dir():
            pytest.skip(f'{name} is not in {DATA_ROOT}: set PANSEG_DATA to the folder that holds the real data packs')
        return folder

    return find


@pytest.fixture(autouse=True)
def fixed_seed():
    torch.manual_seed(0)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return server.getsockname()[1]


@pytest.fixture
def log(caplog):
    """Records of mmengine's current logger, which does not propagate to the root."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    """Skip a test that calls one of mmcv's ops where they are not compiled."""
    try:
        return (yield)
    except RuntimeError as error:
        if type(error).__name__ != 'MissingOpsError':
            raise
        pytest.skip(str(error))
