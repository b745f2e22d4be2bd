"""Data that runs need, looked for before the first of them starts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mmengine.config import Config

from mmdet_panseg.datasets.coco.annotation_file import is_remote
from mmdet_panseg.datasets.errors import MissingDataError
from mmdet_panseg.engine.config.faults import config_faults_explained
from mmdet_panseg.engine.config.unknown_arguments import datasets_of

from .jobs import RunJob


def require_annotation_files(jobs: Iterable[RunJob]) -> None:
    """Make sure that the annotation files of runs exist; the runs look at all else by themselves.

    Args:
        jobs: The runs that are to start.

    Raises:
        MissingDataError: If one does not exist.
    """
    for job in jobs:
        for loader in ('test_dataloader',) if job.source else ('train_dataloader', 'test_dataloader'):
            for dataset, key in datasets_of(job.config.get(loader) or {}, loader):
                name = dataset.get('ann_file')
                path = Path(dataset.get('data_root') or '', name or '')
                if name and not is_remote(name, dataset.get('backend_args')) and not path.exists():
                    with config_faults_explained(Config(job.config)):
                        raise MissingDataError(f"{job.name}: {key}.ann_file: '{path}' does not exist.")
