"""A training with augmentation that is killed, with loader processes, ends as one without these that never was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from augmented_run import write_augmented_config
from mmdet_panseg.engine import load_checkpoint_safely
from repository import REPOSITORY

WORKERS = ('--cfg-options', 'train_dataloader.num_workers=2')


def last_weights(folder):
    return load_checkpoint_safely((folder / 'last_checkpoint').read_text())['state_dict']


def assert_equal(one, other):
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def kill_after_a_checkpoint(config, environment, folder):
    command = [sys.executable, str(REPOSITORY / 'tools' / 'train.py'), str(config), '--work-dir', str(folder), *WORKERS]
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process = subprocess.Popen(command, cwd=config.parent, env=environment, **quiet)
    deadline = time.monotonic() + 120
    while not (folder / 'last_checkpoint').exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)  # its loader processes live on for seconds
    assert process.wait() == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize(('by_epoch', 'mixed'), [(False, True), (True, False)])
def test_killed_with_loader_processes(call_tool, tool_environment, tmp_path, by_epoch, mixed):
    config = write_augmented_config(tmp_path, mixed, by_epoch=by_epoch, iterations=30, epochs=6)
    folder = tmp_path / 'killed'
    kill_after_a_checkpoint(config, tool_environment, folder)
    resumed = call_tool('train.py', config, '--work-dir', folder, '--resume', *WORKERS)
    assert resumed.returncode == 0, resumed.stderr
    whole = call_tool('train.py', config, '--work-dir', tmp_path / 'whole')
    assert whole.returncode == 0, whole.stderr
    assert_equal(last_weights(folder), last_weights(tmp_path / 'whole'))


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason='with a GPU the processes use nccl')
def test_two_processes(run_tool, tmp_path):
    config = write_augmented_config(tmp_path, mixed=False)
    ended = run_tool('dist_train.sh', config, 2, *WORKERS, 'default_hooks.accident.type=AccidentHook')
    assert ended.returncode != 0 and 'an accident' in ended.stderr
    resumed = run_tool('dist_train.sh', config, 2, '--resume', *WORKERS)
    assert resumed.returncode == 0, resumed.stderr
    whole = run_tool('dist_train.sh', config, 2, '--work-dir', tmp_path / 'whole')
    assert whole.returncode == 0, whole.stderr
    assert_equal(last_weights(tmp_path / 'run'), last_weights(tmp_path / 'whole'))
