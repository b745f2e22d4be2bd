from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch
from mmdet.datasets import MultiImageMixDataset
from mmdet.registry import HOOKS, MODELS
from mmdet.utils import register_all_modules
from mmengine.dataset import RepeatDataset
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.runner import Runner
from torch import nn

from mmdet_panseg.datasets.coco.checked_coco import CheckedCocoDataset
from mmdet_panseg.engine.hooks.class_count_hook import (
    ClassCountHook,
    check_class_counts,
    compare_class_names,
    learns_stuff_islands,
)
from mmdet_panseg.errors import ConfigError

META = {'classes': ('apple', 'pear', 'plum')}


class Head(nn.Module):
    """A head as mmdet writes them: counts are plain attributes."""

    def __init__(self, **counts) -> None:
        super().__init__()
        self.fc = nn.Linear(1, 1)
        for key, value in counts.items():
            setattr(self, key, value)


class Model(BaseModel):
    """A detector with the given children, which fails when it is run."""

    def __init__(self, **children) -> None:
        super().__init__()
        for name, child in children.items():
            setattr(self, name, child)

    def forward(self, *args, **kwargs):
        raise AssertionError('the check must come before the first step')


def parent(**children) -> nn.Module:
    module = nn.Module()
    for name, child in children.items():
        module.add_module(name, child)
    return module


@pytest.mark.parametrize(
    'model',
    [
        Model(mask_head=Head(num_classes=3)),
        Model(bbox_head=Head(num_classes=3), mask_head=Head(num_classes=3)),
        Model(rpn_head=Head(num_classes=1), mask_head=Head(num_classes=3)),
        Model(backbone=Head(num_classes=1000), mask_head=Head(num_classes=3)),
        Model(mask_head=Head(num_classes=3), semantic_head=Head(num_classes=54)),
        Model(mask_head=Head()),
    ],
)
def test_agreement(model):
    check_class_counts(model, META, 'train_dataloader')


@pytest.mark.parametrize(
    ('model', 'keys'),
    [
        (Model(mask_head=Head(num_classes=80)), ['model.mask_head.num_classes = 80']),
        (
            Model(roi_head=parent(bbox_head=nn.ModuleList([Head(num_classes=3), Head(num_classes=4)]))),
            ['model.roi_head.bbox_head[1].num_classes = 4'],
        ),
        (
            Model(bbox_head=Head(num_classes=1), mask_head=Head(num_classes=2)),
            ['model.bbox_head.num_classes = 1', 'model.mask_head.num_classes = 2'],
        ),
    ],
)
def test_disagreement_names_keys_and_numbers(model, keys):
    with pytest.raises(ConfigError) as caught:
        check_class_counts(model, META, 'val_dataloader', 'objects.json')
    parts = ("val_dataloader.dataset ('objects.json') has 3 classes (apple, pear, plum)", 'should be 3', 'metainfo')
    for part in (*keys, *parts):
        assert part in str(caught.value)
    assert str(caught.value).count('num_classes =') == len(keys)


def test_things_and_stuff():
    metainfo = {'classes': ('a', 'b', 'sky'), 'thing_classes': ('a', 'b'), 'stuff_classes': ('sky',)}
    good = Model(
        mask_head=Head(num_classes=2),
        fusion_head=Head(num_classes=3, num_things_classes=2, num_stuff_classes=1),
    )
    check_class_counts(good, metainfo, 'train_dataloader')
    bad = Model(mask_head=Head(num_classes=3), fusion_head=Head(num_things_classes=2, num_stuff_classes=53))
    with pytest.raises(ConfigError) as caught:
        check_class_counts(bad, metainfo, 'train_dataloader')
    assert 'model.mask_head.num_classes = 3, but should be 2' in str(caught.value)
    assert 'model.fusion_head.num_stuff_classes = 53, but should be 1' in str(caught.value)
    assert 'num_things_classes' not in str(caught.value)


PANOPTIC_META = {'classes': ('a', 'b', 'sky'), 'thing_classes': ('a', 'b'), 'stuff_classes': ('sky',)}


def panoptic_model(num_classes: int, num_things: int = 2, num_stuff: int = 1) -> Model:
    counts = {'num_things': num_things, 'num_stuff': num_stuff}
    return Model(mask_head=Head(num_classes=num_classes), semantic_head=Head(**counts), fusion_head=Head(**counts))


def test_heads_of_a_panoptic_model():
    check_class_counts(panoptic_model(2), PANOPTIC_META, 'train_dataloader')
    with pytest.raises(ConfigError) as caught:
        check_class_counts(panoptic_model(2, 1, 2), PANOPTIC_META, 'train_dataloader', 'panoptic.json')
    parts = (
        "('panoptic.json') has 2 classes of things (a, b) and 1 of stuff (sky)",
        'model.semantic_head.num_things = 1, but should be 2',
        'model.fusion_head.num_stuff = 2, but should be 1',
    )
    for part in parts:
        assert part in str(caught.value)


def test_semantic_head_on_instances_without_stuff():
    with pytest.raises(ConfigError, match='semantic_head.num_stuff = 1, but should be 0'):
        check_class_counts(
            panoptic_model(2), {'classes': ('a', 'b'), 'thing_classes': ('a', 'b'), 'stuff_classes': ()}, 'loader'
        )


@pytest.mark.parametrize(
    ('islands', 'good', 'expected'), [(False, (2,), '2'), (True, (3,), '3'), (None, (2, 3), '2 or 3')]
)
def test_islands_as_instances_decide_on_the_classes_of_the_mask_head(islands, good, expected):
    for count in (2, 3, 4):
        model = panoptic_model(count)
        if count in good:
            check_class_counts(model, PANOPTIC_META, 'train_dataloader', islands=islands)
        else:
            with pytest.raises(ConfigError, match=f'mask_head.num_classes = {count}, but should be {expected}'):
                check_class_counts(model, PANOPTIC_META, 'train_dataloader', islands=islands)


@pytest.mark.parametrize('as_instances', [True, False])
@pytest.mark.parametrize('wrapped', ['', 'RandomApply', 'RandomChoice'])
def test_islands_are_found_in_pipelines(tmp_path, as_instances, wrapped):
    register_all_modules()
    transform = {'type': 'SplitStuffIslands', 'as_instances': as_instances}
    if wrapped == 'RandomApply':
        transform = {'type': 'RandomApply', 'transforms': [transform]}
    elif wrapped == 'RandomChoice':
        transform = {'type': 'RandomChoice', 'transforms': [[transform], []]}
    dataset = loader(tmp_path / 'train', ('a', 'b'), pipeline=[{'type': 'LoadCheckedImage'}, transform])['dataset']
    assert learns_stuff_islands(RepeatDataset(dataset, 2)) == as_instances


@pytest.mark.parametrize('as_instances', [True, False])
def test_islands_are_found_in_the_pipeline_of_a_wrapper(tmp_path, as_instances):
    register_all_modules()
    dataset = loader(tmp_path / 'train', ('a', 'b'), pipeline=[{'type': 'LoadCheckedImage'}])['dataset']
    pipeline = [{'type': 'SplitStuffIslands', 'as_instances': as_instances}]
    assert learns_stuff_islands(MultiImageMixDataset(dataset, pipeline)) == as_instances


def test_class_names_of_training_and_validation():
    assert compare_class_names(('a', 'b'), ['a', 'b']) is None
    assert compare_class_names(('a', 'b'), None) is None
    assert "label 1 is 'b' in train" in compare_class_names(('a', 'b'), ('a', 'c'))
    with pytest.raises(ConfigError, match=r"2 and 1 classes: 'b' only in train_dataloader.dataset. Give both"):
        compare_class_names(('a', 'b'), ('a',))
    with pytest.raises(ConfigError, match=r"1 and 3 classes: 'c', 'b' only in val_dataloader.dataset"):
        compare_class_names(('a',), ('c', 'a', 'b'))
    with pytest.raises(ConfigError, match="different orders: label 0 is 'a' in train.*'b' in val.*'categories'"):
        compare_class_names(('a', 'b'), ('b', 'a'))


def loader(folder, names: tuple[str, ...], **settings) -> dict:
    """A loader over one image whose file has the given categories."""
    folder.mkdir()
    cv2.imwrite(str(folder / 'photo.png'), np.zeros((8, 8, 3), np.uint8))
    content = {
        'images': [{'id': 1, 'file_name': 'photo.png', 'height': 8, 'width': 8}],
        'annotations': [],
        'categories': [{'id': i, 'name': name} for i, name in enumerate(names)],
    }
    (folder / 'objects.json').write_text(json.dumps(content))
    dataset = CheckedCocoDataset(ann_file='objects.json', data_root=str(folder), data_prefix={'img': ''}, **settings)
    return {
        'batch_size': 1,
        'num_workers': 0,
        'dataset': dataset,
        'sampler': {'type': 'DefaultSampler', 'shuffle': False},
    }


def runner(tmp_path, model, train=None, val=None, test=None) -> Runner:
    arguments = {
        'model': model,
        'work_dir': str(tmp_path / 'work'),
        'default_scope': 'mmdet',
        'custom_hooks': [{'type': 'ClassCountHook'}],
        'experiment_name': tmp_path.name,
    }
    if train is not None:
        arguments['train_dataloader'] = loader(tmp_path / 'train', train)
        arguments['train_cfg'] = {'by_epoch': True, 'max_epochs': 1}
        arguments['optim_wrapper'] = {'optimizer': {'type': 'SGD', 'lr': 0.1}}
    for mode, names in (('val', val), ('test', test)):
        if names is not None:
            arguments[f'{mode}_dataloader'] = loader(tmp_path / mode, names)
            arguments[f'{mode}_cfg'] = {}
            arguments[f'{mode}_evaluator'] = {
                'type': 'CocoMetric',
                'ann_file': str(tmp_path / mode / 'objects.json'),
            }
    return Runner(**arguments)


def test_registered():
    assert HOOKS.get('ClassCountHook') is ClassCountHook


def test_training_stops_before_the_first_step(tmp_path):
    run = runner(tmp_path, Model(mask_head=Head(num_classes=80)), train=('apple', 'pear'))
    with pytest.raises(ConfigError, match=r'train/objects\.json.* has 2 classes .*model\.mask_head\.num_classes = 80'):
        run.train()


def test_validation_set_is_checked_before_training(tmp_path):
    run = runner(tmp_path, Model(mask_head=Head(num_classes=2)), train=('a', 'b'), val=('a', 'b', 'c'))
    with pytest.raises(ConfigError, match="2 and 3 classes: 'c' only in val_dataloader.dataset"):
        run.train()


def test_validation_set_in_another_order(tmp_path):
    run = runner(tmp_path, Model(mask_head=Head(num_classes=2)), train=('a', 'b'), val=('b', 'a'))
    with pytest.raises(ConfigError, match='different orders'):
        run.train()


def test_islands_of_the_train_pipeline_are_known_to_the_check(tmp_path):
    run = runner(tmp_path, Model(mask_head=Head(num_classes=2)), train=('a', 'b'))
    run._train_dataloader = loader(
        tmp_path / 'islands',
        ('a', 'b'),
        metainfo={'stuff_classes': ('sky',)},
        pipeline=[{'type': 'SplitStuffIslands', 'as_instances': True}],
    )
    with pytest.raises(ConfigError, match=r'num_classes = 2, but should be 3 .*SplitStuffIslands\(as_instances=True\)'):
        run.train()


def test_testing_stops_before_the_first_step(tmp_path):
    run = runner(tmp_path, Model(mask_head=Head(num_classes=1)), test=('a', 'b'))
    with pytest.raises(ConfigError, match='test_dataloader.dataset .* has 2 classes'):
        run.test()


def test_good_training_goes_on_to_the_first_step(tmp_path):
    run = runner(tmp_path, Model(mask_head=Head(num_classes=2)), train=('a', 'b'), val=('a', 'b'))
    with pytest.raises(AssertionError, match='the check must come before the first step'):
        run.train()


def test_model_wrapped_for_several_processes(tmp_path, process_group):
    run = runner(tmp_path, Model(mask_head=Head(num_classes=80)), train=('a', 'b'))
    run.model = MMDistributedDataParallel(run.model.to(torch.device('cpu')), device_ids=None)
    with pytest.raises(ConfigError, match=r'model\.mask_head\.num_classes = 80, but should be 2'):
        run.train()


def test_mask_head_of_solo():
    register_all_modules()
    solo = MODELS.build(
        {
            'type': 'SOLO',
            'backbone': {'type': 'ResNet', 'depth': 18, 'out_indices': (0, 1, 2, 3)},
            'neck': {'type': 'FPN', 'in_channels': [64, 128, 256, 512], 'out_channels': 32, 'num_outs': 5},
            'mask_head': {
                'type': 'SOLOHead',
                'num_classes': 80,
                'in_channels': 32,
                'feat_channels': 32,
                'stacked_convs': 1,
                'num_grids': [8, 6, 4, 3, 2],
                'strides': [8, 8, 16, 32, 32],
                'loss_mask': {'type': 'DiceLoss', 'use_sigmoid': True, 'activate': False},
                'loss_cls': {'type': 'FocalLoss', 'use_sigmoid': True},
            },
        }
    )
    check_class_counts(solo, {'classes': tuple(range(80))}, 'train_dataloader')
    with pytest.raises(ConfigError, match=r'model\.mask_head\.num_classes = 80, but should be 3'):
        check_class_counts(solo, META, 'train_dataloader')
