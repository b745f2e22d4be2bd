"""A run that is killed again and again ends as one that never was."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest
import torch

from mmdet_panseg.engine import load_checkpoint_safely
from repository import REPOSITORY
from toy_run import write_toy_config

ITERATIONS = 120


def start(config, environment, *arguments):
    command = [sys.executable, str(REPOSITORY / 'tools' / 'train.py'), str(config), *arguments]
    return subprocess.Popen(
        command,
        cwd=config.parent,
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(condition, process):
    """Wait until the condition holds, or the run ends."""
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline and not condition():
        time.sleep(0.001)


def unfinished(folder):
    return list(folder.glob('.*.pth.*'))


@pytest.mark.slow
def test_kill_at_random_moments_and_resume(tmp_path, tool_environment):
    # checkpoints of about 30 MB at every iteration, so that most of the time goes into writing them
    settings = dict(iterations=ITERATIONS, save_every=1, model=dict(type='ToyModel', ballast=4_000_000))
    config = write_toy_config(tmp_path, **settings)
    record = tmp_path / 'run' / 'last_checkpoint'
    moments = random.Random(0)
    reached, half_written = 0, 0
    for number in range(5):
        before = record.read_text() if record.exists() else ''
        process = start(config, tool_environment, *(['--resume'] if number else []))
        wait_until(lambda before=before: record.exists() and record.read_text() != before, process)
        time.sleep(moments.uniform(0, 0.6))
        if number % 2:  # at any moment, and while a checkpoint is being written
            wait_until(lambda: unfinished(record.parent), process)
        assert process.poll() is None, 'the run ended before it was killed: more iterations are needed'
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        last = load_checkpoint_safely(record.read_text())
        assert last['meta']['iter'] > reached
        assert len(last['optimizer']['state']) == len(last['state_dict'])
        reached = last['meta']['iter']
        half_written += len(unfinished(record.parent))

    process = start(config, tool_environment, '--resume')
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    kept = sorted(path.name for path in (tmp_path / 'run').glob('*.pth'))
    assert kept == [f'iter_{ITERATIONS - 1}.pth', f'iter_{ITERATIONS}.pth']
    assert not unfinished(record.parent)
    assert half_written > 0, 'no kill fell into the writing of a checkpoint'
    found = load_checkpoint_safely(tmp_path / 'run' / kept[1])
    assert found['meta']['iter'] == ITERATIONS

    whole = start(
        config, tool_environment, '--work-dir', 'whole', '--cfg-options', 'default_hooks.checkpoint.interval=-1'
    )
    _, errors = whole.communicate(timeout=300)
    assert whole.returncode == 0, errors
    expected = load_checkpoint_safely(tmp_path / 'whole' / f'iter_{ITERATIONS}.pth')['state_dict']
    assert all(torch.equal(found['state_dict'][key], value) for key, value in expected.items())
