"""Train and test in processes of their own that can be ended at any time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import torch

from .jobs import RunJob
from .results import RunResult, store_result

COMMAND = (sys.executable, '-m', 'mmdet_panseg')
"""What ``train`` and ``test`` with their arguments follow."""


class RunProcess:
    """One run: training as far as it is missing, then the test.

    Args:
        job: What to run.
        threads: Number of threads for the process.
        gpu: The GPU that it may use, by its name in ``CUDA_VISIBLE_DEVICES``; None for what there is.
    """

    def __init__(self, job: RunJob, threads: int, gpu: str | None = None) -> None:
        self.job, self.threads, self.gpu = job, threads, gpu
        self.result: RunResult | None = None
        job.prepare_folder()
        self._start('test' if job.trained() else 'train')

    def advance(self) -> bool:
        """Look after the process, start the next one if it has ended, and tell whether the run goes on."""
        if not self.ended():
            return True
        if self._process.returncode == 0:
            if self._stage == 'train':
                self._start('test')
                return True
            self.result = store_result(self.job)
        return False

    @property
    def log_path(self) -> Path:
        """What the current process prints."""
        return self.job.folder / f'{self._stage}.log'

    def last_words(self) -> str:
        """Give the signal that ended the process, or the error that it printed last, or its last line."""
        if self._process.returncode < 0:
            return f'ended by signal {signal.Signals(-self._process.returncode).name}'
        printed = self.log_path.read_bytes()[self._log_start :].decode(errors='replace')
        lines = [line.strip() for line in printed.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith('error')]
        return (errors or lines or ['it printed nothing'])[-1]

    def _start(self, stage: str) -> None:
        self._stage = stage
        folder = self.job.folder
        arguments = ['--work-dir', str(folder), '--resume']
        if stage == 'test':
            arguments = [str(self.job.training.folder), '--work-dir', str(folder / 'test')]
        settings = {'OMP_NUM_THREADS': str(self.threads)} | ({'CUDA_VISIBLE_DEVICES': self.gpu} if self.gpu else {})
        with open(self.log_path, 'a') as log:
            self._log_start = log.tell()
            # A session of its own: Ctrl-C reaches this process alone, which then ends the others in order.
            self._process = subprocess.Popen(
                [*COMMAND, stage, self.job.config_path, *arguments, '--channels-last'],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **settings},
            )

    def signal(self, number: int) -> None:
        """Send a signal to the process and those that it started."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def ended(self) -> bool:
        """Whether the process has ended, whatever its result."""
        return self._process.poll() is not None


def visible_gpus() -> list[str]:
    """Name the GPUs that a process may use, as ``CUDA_VISIBLE_DEVICES`` has them."""
    count = torch.cuda.device_count()
    chosen = os.environ.get('CUDA_VISIBLE_DEVICES')
    return chosen.split(',')[:count] if chosen else [str(index) for index in range(count)]


def end_processes(processes: Iterable[RunProcess], patience: float = 10.0) -> None:
    """End processes, after some seconds by force; a second Ctrl-C ends the patience.

    Checkpoints are written atomically, so that every moment is a good one.
    """
    processes = list(processes)
    for process in processes:
        process.signal(signal.SIGTERM)
    deadline = time.monotonic() + patience
    with contextlib.suppress(KeyboardInterrupt):
        while time.monotonic() < deadline and not all(process.ended() for process in processes):
            time.sleep(0.05)
    for process in processes:
        process.signal(signal.SIGKILL)
