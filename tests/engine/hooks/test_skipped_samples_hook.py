from __future__ import annotations

import copy
import json
import logging
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import HOOKS
from mmengine.dataset import ConcatDataset, RepeatDataset
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import distributed, multiprocessing, nn

from mmdet_panseg.datasets.coco.checked_coco import CheckedCocoDataset
from mmdet_panseg.datasets.images.checked_image import LoadCheckedImage
from mmdet_panseg.datasets.wrappers import iter_datasets
from mmdet_panseg.engine.hooks.skipped_samples_hook import SkippedSamplesHook

IMAGES = 6


class MeanModel(BaseModel):
    """Takes images and has one weight to train."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, inputs: list[torch.Tensor], mode: str = 'tensor') -> dict:
        return {'loss': (self.weight - torch.stack(inputs).float().mean()) ** 2}


def as_tensor(data: dict) -> dict:
    return {'inputs': torch.from_numpy(data['img'])}


@pytest.fixture
def dataset(tmp_path) -> CheckedCocoDataset:
    """Six images, of which photo1 is truncated and photo4 is no image."""
    for index in range(IMAGES):
        cv2.imwrite(str(tmp_path / f'photo{index}.jpg'), np.full((8, 8, 3), 40 * index, np.uint8))
    first = tmp_path / 'photo1.jpg'
    first.write_bytes(first.read_bytes()[:-2])
    (tmp_path / 'photo4.jpg').write_text('no image')
    content = {
        'images': [{'id': i, 'file_name': f'photo{i}.jpg', 'height': 8, 'width': 8} for i in range(IMAGES)],
        'annotations': [],
        'categories': [{'id': 1, 'name': 'apple'}],
    }
    (tmp_path / 'objects.json').write_text(json.dumps(content))
    return CheckedCocoDataset(
        ann_file='objects.json',
        data_root=str(tmp_path),
        data_prefix={'img': ''},
        pipeline=[LoadCheckedImage(), as_tensor],
    )


def train(tmp_path, dataset, caplog, workers: int) -> str:
    """Trains for two epochs and gives the warnings."""
    runner = Runner(
        model=MeanModel(),
        work_dir=str(tmp_path / 'work'),
        train_dataloader={
            'batch_size': 2,
            'num_workers': workers,
            'dataset': dataset,
            'sampler': {'type': 'DefaultSampler', 'shuffle': True},
        },
        train_cfg={'by_epoch': True, 'max_epochs': 2},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 1e-6}},
        default_scope='mmdet',
        custom_hooks=[{'type': 'SkippedSamplesHook'}],
        experiment_name=tmp_path.name,
    )
    runner.logger.addHandler(caplog.handler)
    runner.train()
    assert runner.iter == 2 * ((len(dataset) + 1) // 2)
    return '\n'.join(record.getMessage() for record in caplog.records if record.levelno == logging.WARNING)


def test_registered():
    assert HOOKS.get('SkippedSamplesHook') is SkippedSamplesHook


@pytest.mark.parametrize('workers', [0, 2])
def test_skipped_images_are_named_after_training(tmp_path, dataset, caplog, workers):
    warnings = train(tmp_path, dataset, caplog, workers)
    assert '2 of 6 training images were skipped' in warnings
    assert f'truncated    {tmp_path}/photo1.jpg' in warnings
    assert f'undecodable  {tmp_path}/photo4.jpg' in warnings
    assert 'photo2.jpg' not in warnings


def test_wrapped_data_set(tmp_path, dataset, caplog):
    warnings = train(tmp_path, RepeatDataset(dataset, times=2), caplog, 0)
    assert warnings.count('2 of 6 training images were skipped') == 1


def test_nothing_is_said_about_good_images(tmp_path, dataset, caplog):
    dataset.get_subset_([0, 2, 3, 5])
    assert 'skipped' not in train(tmp_path, dataset, caplog, 0)


def after_training(rank: int, folder: str, dataset: CheckedCocoDataset, results) -> None:
    """Ends the training of one of two processes, each of which met another bad image."""
    distributed.init_process_group('gloo', init_method=f'file://{folder}/group', rank=rank, world_size=2)
    dataset.skipped.mark(1 + 3 * rank, 'truncated')
    warnings = []
    runner = SimpleNamespace(
        train_dataloader=SimpleNamespace(dataset=dataset), logger=SimpleNamespace(warning=warnings.append)
    )
    SkippedSamplesHook().after_train(runner)
    results.put(warnings)
    distributed.destroy_process_group()


def test_skips_of_all_processes_are_counted_together(tmp_path, dataset):
    context = multiprocessing.get_context('fork')
    results = context.Queue()
    arguments = [(rank, str(tmp_path), copy.deepcopy(dataset), results) for rank in range(2)]
    processes = [context.Process(target=after_training, args=args) for args in arguments]
    for process in processes:
        process.start()
    for warnings in (results.get(timeout=60), results.get(timeout=60)):
        assert len(warnings) == 1 and '2 of 6 training images' in warnings[0]
        assert 'photo1.jpg' in warnings[0] and 'photo4.jpg' in warnings[0]
    for process in processes:
        process.join()


def test_base_data_sets_of_wrappers(dataset):
    assert list(iter_datasets(dataset)) == [dataset]
    for wrapper, inside in ((RepeatDataset(dataset, 3), 1), (ConcatDataset([dataset, dataset]), 2)):
        assert list(iter_datasets(wrapper)) == [wrapper, *[dataset] * inside]
