"""The runs of a learning curve: configs trained on more and more images, for as many iterations."""

from __future__ import annotations

import copy
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdet.registry import DATASETS

from mmdet_panseg.engine.config import config_faults_explained, datasets_of, load_config
from mmdet_panseg.errors import ConfigError

from .runs.jobs import RunJob, run_config
from .runs.settings import RunSettings


@dataclass(frozen=True)
class CurvePoint:
    """A config with a number of images.

    Attributes:
        config: Name of the config file without its ending.
        images: Number of training images.
        jobs: One training and its test for each seed.
    """

    config: str
    images: int
    jobs: list[RunJob]


def plan_curve(
    paths: Sequence[str | Path],
    images: Sequence[int | None],
    seeds: Sequence[int],
    work_dir: Path,
    max_iters: int | None = None,
) -> list[CurvePoint]:
    """List the points of the curves of some configs.

    Args:
        paths: Config files that count iterations.
        images: Numbers of training images; None for all that there are.
        seeds: Seeds of the trainings; each has its own choice of images, the same for all configs.
        work_dir: Folder of all runs, which need not exist.
        max_iters: Length of the trainings; None for that of each config.

    Returns:
        The points, config by config, each with the fewest images first.

    Raises:
        ConfigError: If a config counts epochs, has several data sets or fewer images, or two have one name.
    """
    names = [Path(path).stem for path in paths]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled:
        raise ConfigError(f'{doubled}.py: two configs of this name; the runs are kept by name, so rename one.')
    return [point for path in paths for point in _points_of(Path(path), images, seeds, work_dir, max_iters)]


def _points_of(
    path: Path, images: Sequence[int | None], seeds: Sequence[int], work_dir: Path, max_iters: int | None
) -> list[CurvePoint]:
    config = load_config(path).to_dict()
    if 'max_iters' not in config['train_cfg']:
        raise ConfigError(
            f'{path}: counts epochs, which are shorter with fewer images; set train_cfg to an IterBasedTrainLoop.'
        )
    iterations = max_iters or config['train_cfg']['max_iters']
    names = _image_names(config, path)
    too_many = max((number for number in images if number is not None), default=0)
    if too_many > len(names):
        raise ConfigError(f'--images {too_many}: {path} has {len(names)} training images; say all for these.')
    points = []
    for number in sorted({len(names) if number is None else number for number in images}):
        rung = f'{path.stem}/{number}_images'
        jobs = [
            RunJob(
                rung=rung,
                seed=seed,
                folder=work_dir / rung / f'seed{seed}',
                config=run_config(_with_images(config, path, choose_images(names, number, seed)), iterations, seed),
                root_iterations=iterations,
                settings=RunSettings('own', max_iters),
                rung_digest='',
            )
            for seed in dict.fromkeys(seeds)
        ]
        points.append(CurvePoint(path.stem, number, jobs))
    return points


def choose_images(names: Sequence[str], number: int, seed: int) -> list[int]:
    """Choose images at random, by their names alone.

    So the choice is the same whatever the order in the annotation file, and a larger one has all of a smaller one.

    Args:
        names: Different names of the images.
        number: How many to choose.
        seed: Of the choice.

    Returns:
        Their places, ascending.
    """
    lots = [hashlib.sha256(f'{seed} {name}'.encode()).digest() for name in names]
    return sorted(sorted(range(len(names)), key=lots.__getitem__)[:number])


def _image_names(config: Mapping[str, Any], path: Path) -> list[str]:
    """Give the names of the training images that are not filtered out, as the annotation file has them."""
    with config_faults_explained(config):
        dataset = DATASETS.build({**_training_data(config, path), 'pipeline': []})
    folder = dataset.data_prefix.get('img') or '.'
    return [os.path.relpath(dataset.get_data_info(place)['img_path'], folder) for place in range(len(dataset))]


def _training_data(config: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Give the config of the one training data set, inside wrappers."""
    found = [dataset for dataset, _ in datasets_of(config['train_dataloader'], '') if 'ann_file' in dataset]
    if len(found) != 1 or found[0].get('indices') is not None:
        raise ConfigError(
            f'{path}: train_dataloader must have one dataset with an ann_file, and no indices of its own.'
        )
    return found[0]


def _with_images(config: Mapping[str, Any], path: Path, places: Sequence[int]) -> dict[str, Any]:
    config = copy.deepcopy(dict(config))
    _training_data(config, path)['indices'] = list(places)
    return config
