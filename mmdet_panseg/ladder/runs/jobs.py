"""The runs of a ladder: their configs, folders and what is known of them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmdet_panseg.datasets.errors import MissingDataError
from mmdet_panseg.datasets.images.image_files import is_remote
from mmdet_panseg.engine import find_resume_checkpoint, write_atomically
from mmdet_panseg.engine.config import config_faults_explained, datasets_of
from mmdet_panseg.errors import ConfigError
from mmdet_panseg.ladder.iterations import scale_iterations
from mmdet_panseg.ladder.rungs import Ladder, Rung, digest_of

from .settings import RunSettings


@dataclass(frozen=True)
class RunJob:
    """One training of a rung and its test, or a test alone.

    Attributes:
        rung: Name of the rung.
        seed: Seed of the training.
        folder: Its work dir.
        config: Resolved config of the run.
        root_iterations: Length of the training of the root, by which runs are comparable.
        settings: Other settings by which they are.
        rung_digest: By which it is known whether the rung's config has changed since.
        source: The run whose weights are tested, if it is another one.
    """

    rung: str
    seed: int
    folder: Path
    config: dict[str, Any]
    root_iterations: int
    settings: RunSettings
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
        return digest_of(self.config, f' with the weights of {self.source.rung}' if self.source else '')

    def trained(self) -> bool:
        """Whether the weights to test are there: the checkpoint of the training's last iteration."""
        found = find_resume_checkpoint(self.training.folder)
        return found is not None and Path(found).stem == f'iter_{self.training.iterations}'

    def log_paths(self) -> list[Path]:
        """List the logs of all starts of the training."""
        return sorted(self.folder.glob('*/vis_data/scalars.json'))

    def iterations_done(self) -> int:
        """Count the iterations that are logged over all starts or, once it is finished, all of them."""
        if self.result_path.exists():
            return self.iterations
        logged = (found for path in self.log_paths() for found in re.findall(r'"iter": (\d+)', path.read_text()))
        return min(self.iterations, max(map(int, logged), default=0))

    def require_same_settings(self) -> None:
        """Raise a ConfigError if the folder holds a run with other settings that would be lost."""
        begun = find_resume_checkpoint(self.folder) is not None or self.result_path.exists()
        if begun and not self._is_recorded():
            raise ConfigError(
                f'{self.folder}: holds a run of {self.rung} with other settings: its config has changed since, or '
                '--data, --max-iters, --amp or --cfg-options are not those of before. Give another --work-dir or '
                'delete that folder.'
            )

    def require_annotation_files(self) -> None:
        """Raise a MissingDataError if an annotation file does not exist; the run looks at all else by itself."""
        for loader in ('test_dataloader',) if self.source else ('train_dataloader', 'test_dataloader'):
            for dataset, key in datasets_of(self.config.get(loader) or {}, loader):
                name = dataset.get('ann_file')
                path = Path(dataset.get('data_root') or '', name or '')
                if name and not is_remote(name, dataset.get('backend_args')) and not path.exists():
                    with config_faults_explained(self.config):
                        raise MissingDataError(f"{self.name}: {key}.ann_file: '{path}' does not exist.")

    def prepare_folder(self) -> None:
        """Write the run's config to the folder, in place of whatever has become of an earlier one.

        The logs of a run with other settings, which failed before its first checkpoint, are deleted.
        """
        if not self._is_recorded():
            for path in self.log_paths():
                path.unlink()
        write_atomically(Config(copy.deepcopy(self.config)).pretty_text.encode(), self.config_path)
        write_atomically(json.dumps(dict(digest=self.digest)).encode(), self._record_path)

    @property
    def _record_path(self) -> Path:  # the training writes over config.py, with what its command line adds
        return self.folder / 'ladder_run.json'

    def _is_recorded(self) -> bool:
        """Whether the folder was prepared for this run."""
        return self._record_path.exists() and json.loads(self._record_path.read_text())['digest'] == self.digest


def plan_jobs(
    ladder: Ladder, work_dir: Path, seeds: int, settings: RunSettings, only: list[str] | None = None
) -> list[RunJob]:
    """List the runs of a ladder, all rungs with one seed before the next seed.

    Args:
        ladder: The rungs.
        work_dir: Folder of all runs; theirs need not exist.
        seeds: Number of trainings of each rung, with seeds 0, 1, ...
        settings: What all runs have in common.
        only: Names of the rungs to run, with those that train for them; None for all that are for the data.

    Raises:
        ConfigError: If a rung is not known, counts epochs, has no version for the data or does not take the settings.
    """
    chosen = [ladder.rungs[name] for name in settings.chosen(ladder, only)]
    wanted = {name for rung in chosen for name in (rung.name, ladder.trained(rung).name)}
    rungs = [rung for _, rung in ladder.walk() if rung.name in wanted]
    settings.warn_of_unknown_options(ladder)
    configs = {rung.name: settings.config(ladder, rung) for rung in rungs}
    for rung in rungs:  # before the roots, so that an error names a rung that was asked for
        _iterations(configs[rung.name], rung)
    roots = {root.name: root for root in (ladder.lineage(rung)[-1] for rung in rungs)}
    full = {name: _iterations(settings.config(ladder, root), root) for name, root in roots.items()}
    jobs: dict[str, RunJob] = {}
    for seed in range(seeds):
        for rung in rungs:
            root = ladder.lineage(rung)[-1].name
            length = settings.max_iters or full[root]
            job = RunJob(
                rung=rung.name,
                seed=seed,
                folder=work_dir / rung.name / f'seed{seed}',
                config=run_config(
                    configs[rung.name], max(1, round(_iterations(configs[rung.name], rung) * length / full[root])), seed
                ),
                root_iterations=length,
                settings=settings,
                rung_digest=settings.rung_digest(ladder, rung),
                source=None if rung.trains else jobs[f'{ladder.trained(rung).name}/seed{seed}'],
            )
            jobs[job.name] = job
    return list(jobs.values())


def _iterations(config: dict[str, Any], rung: Rung) -> int:
    if 'max_iters' not in config['train_cfg']:
        raise ConfigError(f'{rung.path}: counts epochs; train it with the command that `ladder.py plan` prints.')
    return config['train_cfg']['max_iters']


def run_config(config: Mapping[str, Any], iterations: int, seed: int) -> dict[str, Any]:
    """Set length and seed; leave validation out, since a test of the last checkpoint follows, and what needs it.

    Args:
        config: Config with an ``IterBasedTrainLoop``; it stays as it is.
        iterations: Length of the training.
        seed: Its seed.

    Returns:
        The config of the run.

    Raises:
        ConfigError: If a scheduler has times of its own and the length is another.
    """
    config = copy.deepcopy(dict(config))
    scale_iterations(config, iterations)
    for name in ('val_cfg', 'val_dataloader', 'val_evaluator'):
        config.pop(name, None)
    config['train_cfg'].pop('val_interval', None)
    hooks = config.setdefault('default_hooks', {})
    hooks.setdefault('checkpoint', dict(type='AtomicCheckpointHook')).pop('save_best', None)
    hooks.setdefault('logger', dict(type='TrainingLoggerHook'))
    config['default_hooks'] = {name: hook for name, hook in hooks.items() if not _stops_early(hook)}
    if 'custom_hooks' in config:
        config['custom_hooks'] = [hook for hook in config['custom_hooks'] if not _stops_early(hook)]
    config['randomness'] = {**config.get('randomness', {}), 'seed': seed}
    return config


def _stops_early(hook: Mapping[str, Any] | None) -> bool:
    return hook is not None and hook.get('type') in ('StopEarlyHook', 'EarlyStoppingHook')
