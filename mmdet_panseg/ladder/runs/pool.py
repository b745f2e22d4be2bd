"""Train what a ladder lacks, several runs at a time."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping, Sequence

import torch
from rich.progress import MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from mmdet_panseg.errors import UserError
from mmdet_panseg.ladder.rungs import MASK_METRICS

from .jobs import RunJob
from .processes import RunProcess, end_processes, visible_gpus


class RunsFailedError(UserError):
    """Some runs ended with an error; the others are finished."""

    exit_code = 1


class InterruptedRunsError(UserError):
    """The user ended the runs; the same command goes on."""

    exit_code = 130


def run_jobs(jobs: Sequence[RunJob], processes: int = 1, metrics: Mapping[str, str] = MASK_METRICS) -> None:
    """Train and test what is missing, with progress over all runs.

    Ctrl-C ends the running trainings; finished runs and checkpoints are kept, and the same call goes on from them.

    Args:
        jobs: All runs; those with a result of the same settings are skipped.
        processes: Number of runs at a time; they share the cores, and each has a GPU if there are as many.
        metrics: What to say of a finished run: names to show, and those that the test gives.

    Raises:
        ConfigError: If a folder holds a run with other settings.
        MissingDataError: If an annotation file of a run does not exist.
        InterruptedRunsError: After Ctrl-C or a request to terminate.
        RunsFailedError: When all other runs are finished.
    """
    for job in jobs:
        job.require_same_settings()
    pool = _Pool(jobs, metrics)
    for job in pool.waiting:
        job.require_annotation_files()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # a request to terminate is like Ctrl-C
    try:
        with pool.progress:
            while pool.waiting or pool.running:
                pool.fill(processes)
                pool.advance()
                time.sleep(0.2)
    except KeyboardInterrupt:
        finished = sum(job.result_path.exists() for job in jobs)
        raise InterruptedRunsError(
            f'interrupted after {finished} of {len(jobs)} runs; the same command goes on from here.'
        ) from None
    finally:
        end_processes(pool.running)
        signal.signal(signal.SIGTERM, before)
    if pool.failures:
        raise RunsFailedError('some runs failed:\n' + '\n'.join(pool.failures))


class _Pool:
    """The runs that wait, run, or are done, and their progress bars."""

    def __init__(self, jobs: Sequence[RunJob], metrics: Mapping[str, str]) -> None:
        self.jobs, self.metrics, self.gpus = jobs, metrics, visible_gpus()
        self.waiting = [job for job in jobs if not job.result_path.exists()]
        self.running: list[RunProcess] = []
        self.failures: list[str] = []
        columns = (MofNCompleteColumn(), TextColumn('iterations, passed'), TimeElapsedColumn())
        self.progress = Progress(*Progress.get_default_columns(), *columns, speed_estimate_period=600)
        self.all_task = self.progress.add_task(f'{len(jobs)} runs', total=sum(job.iterations for job in jobs))
        self.tasks: dict[str, TaskID] = {}

    def fill(self, processes: int) -> None:
        """Start runs until there are as many as allowed; those that train come before those that wait for them."""
        # What torch would use honours OMP_NUM_THREADS and the cores that this process may run on.
        threads = max(1, torch.get_num_threads() // processes)
        while len(self.running) < processes:
            busy = [process.job for process in self.running]
            job = next((job for job in self.waiting if job.source not in busy), None)
            if job is None:
                return
            self.waiting.remove(job)
            if job.source and not job.source.trained():
                self._fail(job, _without_weights(job.source))
                continue
            self.tasks[job.name] = self.progress.add_task(job.name, total=job.iterations)
            # the GPU that the fewest runs use
            gpu = min(self.gpus, key=[process.gpu for process in self.running].count, default=None)
            self.running.append(RunProcess(job, threads, gpu))

    def advance(self) -> None:
        """Look after all processes once."""
        for process in list(self.running):
            if not process.advance():
                self.running.remove(process)
                self._settle(process)
        done = {job.name: job.iterations_done() for job in self.jobs}
        for name, task in self.tasks.items():
            self.progress.update(task, completed=done[name])
        self.progress.update(self.all_task, completed=sum(done.values()))

    def _settle(self, process: RunProcess) -> None:
        job = process.job
        self.progress.remove_task(self.tasks.pop(job.name))
        if process.result is None:
            self._fail(job, f'{process.last_words()} (all of it in {process.log_path})')
            return
        found = {name: process.result.value(key) for name, key in self.metrics.items()}
        values = [f'{name} {100 * value:.1f}' for name, value in found.items() if value is not None]
        self.progress.console.print(f'{job.name}: {", ".join(values)}')

    def _fail(self, job: RunJob, reason: str) -> None:
        self.failures.append(f'{job.name}: {reason}')
        self.progress.console.print(f'[red]failed[/] {self.failures[-1]}')


def _without_weights(source: RunJob) -> str:
    """Say why a run that only tests has nothing to test."""
    if source.result_path.exists():
        return (
            f'tests the last checkpoint of {source.name}, which is not in {source.folder}; delete result.json there to '
            'train it again'
        )
    return f'not tested, since the training of {source.name} has failed'
