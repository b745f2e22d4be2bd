"""A training on the CPU keeps the memory that it frees."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

MEASURE = """
import psutil, torch
from mmdet_panseg.engine.cpu_memory import keep_freed_memory
start = psutil.Process().memory_info().rss
print(keep_freed_memory())
torch.ones(64, 2**20)
print(psutil.Process().memory_info().rss - start)
"""

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='needs the C library glibc')


def run(**variables: str) -> tuple[bool, float]:
    """Whether freed memory is kept, and how many MiB of a freed tensor of 256 MiB the process still holds."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith('MALLOC_')}
    environment |= dict(CUDA_VISIBLE_DEVICES='', **variables)
    command = [sys.executable, '-c', MEASURE]
    lines = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.splitlines()
    return lines[-2] == 'True', int(lines[-1]) / 2**20


def test_freed_memory_stays_with_the_process():
    kept, megabytes = run()
    assert kept
    assert megabytes > 200


def test_settings_of_the_user_stay():
    kept, megabytes = run(MALLOC_ARENA_MAX='4')
    assert not kept
    assert megabytes < 100


def test_holes_are_handed_back():
    """Every second block stays, so that glibc cannot shrink the heap by itself."""
    code = (
        'import psutil\n'
        'from mmdet_panseg.engine.cpu_memory import hand_back_freed_memory\n'
        'size = lambda: psutil.Process().memory_info().rss\n'
        'small, large = [], []\n'
        'for _ in range(300):\n'
        '    large.append(b"x" * (100_000 + len(small))); small.append(b"x" * (1000 + len(small)))\n'
        'del large\n'
        'before = size(); hand_back_freed_memory(); print(before - size())'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert int(done.stdout.split()[-1]) > 10_000_000
