"""A model, a data set and a config that train in seconds; imported by configs as ``toy_run``."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import cv2
import numpy as np
import torch
from mmdet.registry import DATASETS, HOOKS, MODELS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.structures import InstanceData, PixelData
from torch import nn
from torch.utils.data import Dataset

_numbers = itertools.count()
_META_KEYS = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')


@DATASETS.register_module(force=True)
class ToyDataset(Dataset):
    """Noise images whose mean is to be predicted; the sample at ``poison`` is NaN."""

    metainfo = dict(classes=('box',))

    def __init__(self, length=32, poison=None):
        self.length, self.poison = length, poison

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        image = torch.rand(3, 8, 8, generator=generator) + index / self.length
        if index == self.poison:
            image[0, 0, 0] = float('nan')
        sample = DetDataSample(metainfo=dict(img_id=index, img_path=f'images/{index}.jpg'))
        return dict(inputs=image, data_samples=sample)


@MODELS.register_module(force=True)
class ToyModel(BaseModel):
    """Two convolutions; ``ballast`` unused weights (with gradient zero) make checkpoints big."""

    def __init__(self, ballast=0, data_preprocessor=None):
        super().__init__(data_preprocessor)
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1))
        self.out = nn.Linear(4, 1)
        self.ballast = nn.Parameter(torch.full((max(ballast, 1),), 0.5))
        self.seen_types = []

    def forward(self, inputs, data_samples=None, mode='tensor'):
        images = torch.stack(list(inputs))
        maps = self.features(images)
        self.seen_types.append(maps.dtype)
        found = self.out(maps.mean((2, 3)))[:, 0]
        if mode == 'loss':
            error = (found.float() - images.mean((1, 2, 3))) ** 2
            return dict(loss_mean=error.mean(), loss_levels=[0 * self.ballast.sum(), 0.1 * error.max()])
        return found


@MODELS.register_module(force=True)
class EchoDetector(BaseModel):
    """Predicts the annotated objects of each image, except those of ``miss`` images."""

    def __init__(self, miss=(), data_preprocessor=None):
        super().__init__(data_preprocessor)
        self.miss = set(miss)
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        for sample in data_samples:
            truth = sample.gt_instances
            masks = torch.from_numpy(truth.masks.masks).bool()
            found = InstanceData(bboxes=truth.bboxes, labels=truth.labels, masks=masks)
            found.scores = torch.ones(len(masks))
            sample.pred_instances = found[:0] if sample.img_id in self.miss else found
        return data_samples


@MODELS.register_module(force=True)
class PanopticEchoDetector(BaseModel):
    """Predicts the ground truth, but stuff of class 2 where there is void, and nothing in ``miss`` images."""

    def __init__(self, num_classes=3, miss=(), data_preprocessor=None):
        super().__init__(data_preprocessor)
        self.void, self.miss = num_classes, set(miss)
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        for sample in data_samples:
            rows = sample.gt_panoptic_seg.sem_seg[0].long()
            table = sample.gt_panoptic_seg.segments
            labels = torch.from_numpy(np.where(table.labels == 255, 2, table.labels))
            things = table.rows[table.is_thing[table.rows]]
            objects = len(things) if sample.img_id not in self.miss else 0
            values = labels + 1000 * torch.from_numpy(table.is_thing) * torch.arange(1, len(table) + 1)
            panoptic = values[rows] if objects else torch.full_like(rows, self.void)
            semantic = labels[rows] if objects else torch.full_like(rows, 2)
            masks = torch.stack([rows == row for row in things])[:objects]
            sample.pred_panoptic_seg = PixelData(sem_seg=panoptic[None])
            sample.pred_sem_seg = PixelData(sem_seg=semantic[None])
            sample.pred_instances = InstanceData(
                masks=masks, labels=labels[things][:objects], scores=torch.ones(objects), bboxes=_boxes(masks)
            )
        return data_samples


def _boxes(masks):
    from mmdet_panseg.ops import boxes_from_masks

    return boxes_from_masks(masks)


@HOOKS.register_module(force=True)
class ReportProcessesHook(Hook):
    """Writes, after training, what the processes have in common: ``processes.json`` in the work dir."""

    def after_train(self, runner):
        weights = torch.cat([value.detach().flatten() for value in runner.model.parameters()])
        copies = [torch.empty_like(weights) for _ in range(get_world_size())]
        torch.distributed.all_gather(copies, weights)
        report = dict(
            world_size=get_world_size(),
            backend=torch.distributed.get_backend(),
            wrapper=type(runner.model).__name__,
            spread=max(float((copy - weights).abs().max()) for copy in copies),
            threads=torch.get_num_threads(),
        )
        if is_main_process():
            Path(runner.work_dir, 'processes.json').write_text(json.dumps(report))


def toy_config(work_dir, iterations=6, save_every=2, batch_size=2, **settings):
    """Config of a run of ``iterations`` steps; ``settings`` replace its top-level entries."""
    config = dict(
        default_scope='mmdet',
        custom_imports=dict(imports=['mmdet_panseg', 'toy_run']),
        model=dict(type='ToyModel'),
        work_dir=str(work_dir),
        train_dataloader=dict(
            dataset=dict(type='ToyDataset'),
            sampler=dict(type='InfiniteSampler', shuffle=True, seed=0),
            batch_size=batch_size,
            num_workers=0,
        ),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=iterations, val_interval=10**6),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.05, momentum=0.9)),
        param_scheduler=[dict(type='StepDecayLR', milestones=[0.5], by_epoch=False)],
        default_hooks=dict(
            checkpoint=dict(type='AtomicCheckpointHook', by_epoch=False, interval=save_every, max_keep_ckpts=2)
        ),
        log_processor=dict(by_epoch=False),
        randomness=dict(seed=0),
        env_cfg=dict(dist_cfg=dict(backend='nccl')),
        log_level='WARNING',
        experiment_name=f'toy{next(_numbers)}',  # runs that begin in one second would share their message hub
    )
    return Config({**config, **settings})


def write_toy_config(folder, name='toy.py', **settings):
    """Write :func:`toy_config` as a file, for the command lines."""
    path = Path(folder, name)
    path.write_text(toy_config(Path(folder, 'run'), **settings).pretty_text)
    return path


def write_echo_config(folder, **model):
    """Write a COCO data set of four images with two classes, and a config that tests on it."""
    folder = Path(folder)
    annotations, images = [], []
    for place in range(4):
        images.append(dict(id=place, file_name=f'{place}.png', width=64, height=48))
        for left, category in ((4, 1), (30, 2)):
            corners = [left, 8, left + 20, 8, left + 20, 32, left, 32]
            annotations.append(
                dict(
                    **dict(id=len(annotations) + 1, image_id=place, category_id=category, iscrowd=0),
                    **dict(bbox=[left, 8, 20, 24], area=480, segmentation=[corners]),
                )
            )
    categories = [dict(id=1, name='cat'), dict(id=2, name='dog')]
    truth = folder / 'truth.json'
    truth.write_text(json.dumps(dict(images=images, annotations=annotations, categories=categories)))
    for image in images:
        _write_image(folder / image['file_name'], image['height'], image['width'])
    return _write_echo_config(folder, truth, model)


def write_panoptic_echo_config(folder, **model):
    """Add panoptic ground truth to the data set of :func:`write_echo_config`: cat and dog on grass below void."""
    folder = Path(folder)
    write_echo_config(folder)
    instances = json.loads((folder / 'truth.json').read_text())
    annotations = []
    for image in instances['images']:
        ids = np.full((48, 64), 3, np.uint8)
        ids[:6] = 0
        ids[8:32, 4:24] = 1
        ids[8:32, 30:50] = 2
        name = f'{image["id"]}.png'
        (folder / 'panoptic').mkdir(exist_ok=True)
        cv2.imwrite(str(folder / 'panoptic' / name), np.stack([0 * ids, 0 * ids, ids], axis=-1))
        segments = [
            dict(id=id_, category_id=id_, iscrowd=0, bbox=[0, 6, 64, 42], area=int((ids == id_).sum()))
            for id_ in (1, 2, 3)
        ]
        annotations.append(dict(image_id=image['id'], file_name=name, segments_info=segments))
    categories = [
        dict(id=id_, name=name, isthing=int(id_ < 3)) for id_, name in enumerate(('cat', 'dog', 'grass'), start=1)
    ]
    truth = folder / 'panoptic.json'
    truth.write_text(json.dumps(dict(images=instances['images'], annotations=annotations, categories=categories)))
    data = dict(
        type='CheckedCocoPanopticDataset',
        ann_file=str(truth),
        data_prefix=dict(img=str(folder), seg=str(folder / 'panoptic')),
        test_mode=True,
        pipeline=[
            dict(type='LoadCheckedImage'),
            dict(type='LoadPanopticSegments'),
            dict(type='PackPanopticInputs', meta_keys=_META_KEYS),
        ],
    )
    metrics = [
        dict(type='CocoMetric', ann_file=str(folder / 'truth.json'), metric=['segm']),
        dict(type='SemanticIoUMetric'),
        dict(type='PanopticQualityMetric'),
    ]
    return _write_test_config(folder, data, dict(type='PanopticEchoDetector', **model), metrics)


def _write_image(path, height, width):
    cv2.imwrite(str(path), np.zeros((height, width, 3), np.uint8))


def _write_echo_config(folder, truth, model):
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations', with_bbox=True, with_mask=True, poly2mask=True),
        dict(type='PackDetInputs', meta_keys=_META_KEYS),
    ]
    data = dict(
        type='CocoDataset',
        ann_file=str(truth),
        data_prefix=dict(img=str(folder)),
        metainfo=dict(classes=('cat', 'dog')),
        test_mode=True,
        pipeline=pipeline,
    )
    metrics = dict(type='CocoMetric', ann_file=str(truth), metric=['bbox', 'segm'])
    return _write_test_config(folder, data, dict(type='EchoDetector', **model), metrics)


def _write_test_config(folder, data, model, metrics):
    config = Config(
        dict(
            default_scope='mmdet',
            custom_imports=dict(imports=['mmdet_panseg', 'toy_run']),
            model=dict(data_preprocessor=dict(type='DetDataPreprocessor'), **model),
            work_dir=str(folder / 'test'),
            test_dataloader=dict(
                dataset=data, sampler=dict(type='DefaultSampler', shuffle=False), batch_size=2, num_workers=0
            ),
            test_cfg=dict(type='TestLoop'),
            default_hooks=dict(visualization=dict(type='DetVisualizationHook')),
            visualizer=dict(type='DetLocalVisualizer', name='visualizer', vis_backends=[dict(type='LocalVisBackend')]),
            test_evaluator=metrics,
        )
    )
    path = folder / 'echo.py'
    path.write_text(config.pretty_text)
    return path
