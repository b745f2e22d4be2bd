"""The runs of a ladder: their configs, folders and what is known of them."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmdet_panseg.engine import find_resume_checkpoint, write_atomically
from mmdet_panseg.errors import ConfigError
from mmdet_panseg.ladder.iterations import scale_iterations
from mmdet_panseg.ladder.rungs import Ladder, Rung, digest_of, fingerprint
from mmdet_panseg.ladder.trained_rungs import trained_rung

from .settings import RunSettings

_RECORD = 'ladder_run.json'


@dataclass(frozen=True)
class RunJob:
    """One training of a rung and its test, or a test alone.

    Attributes:
        rung: Name of the rung.
        seed: Seed of the training.
        folder: Its work dir.
        config: Resolved config of the run.
        root_iterations: Length of the training of the root, by which runs are comparable.
        data: Those of :class:`RunSettings`.
        settings: Other settings by which they are, as text.
        rung_digest: By which it is known whether the rung's config has changed since.
        source: The run whose weights are tested, if it is another one.
    """

    rung: str
    seed: int
    folder: Path
    config: dict[str, Any]
    root_iterations: int
    data: str
    settings: str
    rung_digest: str
    source: RunJob | None = None

    @property
    def training(self) -> RunJob:
        """The run whose weights are tested."""
        return self.source or self

    @property
    def name(self) -> str:
        """Rung and seed."""
        return f'{self.rung}/seed{self.seed}'

    @property
    def iterations(self) -> int:
        """Length of the training that it does."""
        return 0 if self.source else self.config['train_cfg']['max_iters']

    @property
    def config_path(self) -> Path:
        """The run's config file."""
        return self.folder / 'config.py'

    @property
    def result_path(self) -> Path:
        """Where the result is written once the run is finished."""
        return self.folder / 'result.json'

    @property
    def digest(self) -> str:
        """Short text that differs between runs of different settings."""
        text = fingerprint(self.config) + (f' with the weights of {self.source.rung}' if self.source else '')
        return digest_of(text)

    def trained(self) -> bool:
        """Whether the weights to test are there: the checkpoint of the training's last iteration."""
        found = find_resume_checkpoint(str(self.training.folder))
        return found is not None and Path(found).stem == f'iter_{self.training.iterations}'

    def log_paths(self) -> list[Path]:
        """Logs of all starts of the training."""
        return sorted(self.folder.glob('*/vis_data/scalars.json'))

    def logged(self) -> list[dict[str, Any]]:
        """What the training has logged so far, over all its starts."""
        records: list[dict[str, Any]] = []
        for path in self.log_paths():
            for line in path.read_text().splitlines():
                try:
                    record = json.loads(line)
                except json.JSONDecodeError:  # a line that is being written
                    continue
                if 'iter' in record and 'time' in record:
                    records.append(record)
        return records

    def begun(self) -> bool:
        """Whether the folder has a checkpoint or a result."""
        return find_resume_checkpoint(str(self.folder)) is not None or self.result_path.exists()

    def iterations_done(self) -> int:
        """Iterations that are logged or, once it is finished, all of them."""
        if self.result_path.exists():
            return self.iterations
        return min(self.iterations, max((record['iter'] for record in self.logged()), default=0))


def plan_jobs(
    ladder: Ladder, work_dir: Path, seeds: int, settings: RunSettings, only: list[str] | None = None
) -> list[RunJob]:
    """List the runs of a ladder, all rungs with one seed before the next seed.

    Args:
        ladder: The ladder.
        work_dir: Folder of all runs.
        seeds: Number of trainings of each rung, with seeds 0, 1, ...
        settings: What all runs have in common.
        only: Names of the rungs to run, with those that train for them; None for all that are for the data.

    Returns:
        The jobs; their folders need not exist.

    Raises:
        ConfigError: If a rung is not known, counts epochs, has no version for the data or does not take the settings.
    """
    trained = {name: trained_rung(ladder, rung).name for name, rung in ladder.rungs.items()}
    wanted = {name for chosen in settings.chosen(ladder, only) for name in (chosen, trained[chosen])}
    rungs = [rung for _, rung in ladder.walk() if rung.name in wanted]
    settings.warn_of_unknown_options(ladder)
    configs = {rung.name: settings.config(ladder, rung) for rung in rungs}
    digests = {rung.name: settings.rung_digest(ladder, rung) for rung in rungs}
    for rung in rungs:  # before the roots, so that an error names a rung that was asked for
        _iterations(configs[rung.name], rung)
    roots = {root.name: root for root in map(ladder.root_of, rungs)}
    root_iterations = {name: _iterations(settings.config(ladder, root), root) for name, root in roots.items()}
    jobs = []
    for seed in range(seeds):
        of_seed: dict[str, RunJob] = {}
        for rung in rungs:
            full = root_iterations[ladder.root_of(rung).name]
            length = settings.max_iters or full
            config = _run_config(configs[rung.name], rung, length / full, seed)
            folder = work_dir / rung.name / f'seed{seed}'
            # A rung that trains is not among them yet.
            source = of_seed.get(trained[rung.name])
            of_seed[rung.name] = RunJob(
                rung.name, seed, folder, config, length, settings.data, settings.text, digests[rung.name], source
            )
        jobs.extend(of_seed.values())
    return jobs


def _iterations(config: dict[str, Any], rung: Rung) -> int:
    if 'max_iters' not in config['train_cfg']:
        raise ConfigError(f'{rung.path}: counts epochs; train it with the command that --plan prints.')
    return config['train_cfg']['max_iters']


def _run_config(config: dict[str, Any], rung: Rung, ratio: float, seed: int) -> dict[str, Any]:
    """Set length and seed; leave validation out, since a test of the last checkpoint follows."""
    config = copy.deepcopy(config)
    scale_iterations(config, max(1, round(_iterations(config, rung) * ratio)))
    for name in ('val_cfg', 'val_dataloader', 'val_evaluator'):
        config.pop(name, None)
    config['train_cfg'].pop('val_interval', None)
    hooks = config.setdefault('default_hooks', {})
    hooks.setdefault('checkpoint', dict(type='AtomicCheckpointHook'))
    hooks.setdefault('logger', dict(type='TrainingLoggerHook'))
    config['randomness'] = {**config.get('randomness', {}), 'seed': seed}
    return config


def require_same_settings(job: RunJob) -> None:
    """Make sure that a run's folder holds the same run, or nothing that would be lost.

    Args:
        job: The run.

    Raises:
        ConfigError: If the folder holds a run with other settings.
    """
    if job.begun() and not _is_recorded(job):
        raise ConfigError(
            f'{job.folder}: holds a run of {job.rung} with other settings: its config has changed since, or '
            '--data, --max-iters, --amp or --cfg-options are not those of before. Give another --work-dir or delete '
            'that folder.'
        )


def prepare_folder(job: RunJob) -> None:
    """Write the config of a run to its folder, in place of one that failed before its first checkpoint.

    Args:
        job: The run.
    """
    if not _is_recorded(job):
        for path in job.log_paths():
            path.unlink()
        write_atomically(Config(copy.deepcopy(job.config)).pretty_text.encode(), job.config_path)
        description = dict(rung=job.rung, seed=job.seed, digest=job.digest)
        write_atomically((json.dumps(description) + '\n').encode(), job.folder / _RECORD)


def _is_recorded(job: RunJob) -> bool:
    """Whether the run's folder was prepared for this run."""
    record = job.folder / _RECORD
    return record.exists() and json.loads(record.read_text())['digest'] == job.digest
