"""A work dir is free as soon as its training has ended."""

from __future__ import annotations

import os
import signal
import time
from multiprocessing import get_context

import pytest

from mmdet_panseg.engine.folder_lock import hold_folder
from mmdet_panseg.errors import ConfigError


def hold_with_a_loader(folder, pipe):
    with hold_folder(folder):
        loader = os.fork()
        if not loader:
            time.sleep(60)
            os._exit(0)
        pipe.send(loader)
        time.sleep(60)


def test_loader_processes_of_a_killed_training_hold_nothing(tmp_path):
    context = get_context('fork')
    receiver, sender = context.Pipe(duplex=False)
    training = context.Process(target=hold_with_a_loader, args=(tmp_path, sender))
    training.start()
    loader = receiver.recv()
    try:
        with pytest.raises(ConfigError, match=f'process {training.pid}'), hold_folder(tmp_path):
            pass
        training.kill()
        training.join()
        with hold_folder(tmp_path):
            assert (tmp_path / '.in_use').read_text() == str(os.getpid())
    finally:
        os.kill(loader, signal.SIGKILL)
