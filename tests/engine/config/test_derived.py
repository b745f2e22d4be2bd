"""What a config does not say: numbers of classes from the data, strides of the targets from the head."""

from __future__ import annotations

import copy

import pytest
from mmdet.registry import MODELS
from mmengine.config import Config

from mmdet_panseg.datasets import FixClassGT
from mmdet_panseg.datasets.errors import MissingDataError
from mmdet_panseg.datasets.scenes import STUFF_CLASSES, THING_CLASSES, make_scenes
from mmdet_panseg.engine import ClassCounts, ConfigError, derive_settings
from repository import REPOSITORY

THINGS, STUFF = len(THING_CLASSES), len(STUFF_CLASSES)


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp('data') / 'scenes'
    make_scenes(folder, num_train=2, num_val=1, progress=False)
    return folder


def config_without_counts(name, data_root) -> Config:
    """A config of the repository whose model says no number of classes, on some data."""
    config = Config.fromfile(REPOSITORY / 'configs' / f'{name}.py')
    for loop in ('train', 'val', 'test'):
        config[f'{loop}_dataloader'].dataset.data_root = str(data_root)
    for owner in (config.model, *(config.model.get(f'{kind}_head') for kind in ('mask', 'semantic', 'fusion'))):
        for key in ('num_classes', 'num_things', 'num_stuff'):
            (owner or {}).pop(key, None)
    for transform in config.train_dataloader.dataset.pipeline:
        transform.pop('strides', None)
    return config


def strides_of(config: Config):
    return next(t for t in config.train_dataloader.dataset.pipeline if t.type == 'FixClassGT').strides


def test_counts_of_an_instance_model(scenes):
    config = config_without_counts('solo/solo_effl0_scenes', scenes)
    derive_settings(config)
    assert MODELS.build(config.model).mask_head.num_classes == THINGS


def test_counts_of_a_panoptic_model(scenes):
    config = config_without_counts('panoptic/panoptic_solo_effl0_scenes', scenes)
    derive_settings(config)
    model = MODELS.build(config.model)
    assert model.mask_head.num_classes == THINGS
    for head in (model.semantic_head, model.fusion_head):
        assert (head.num_things, head.num_stuff) == (THINGS, STUFF)


def test_chosen_classes_are_counted(scenes):
    config = config_without_counts('solo/solo_effl0_scenes', scenes)
    config.train_dataloader.dataset.metainfo = dict(classes=THING_CLASSES[:2])
    derive_settings(config)
    assert config.model.mask_head.num_classes == 2


def test_wrapped_data_are_found(scenes):
    config = config_without_counts('solo/solo_effl0_scenes', scenes)
    dataset = config.train_dataloader.dataset
    config.train_dataloader.dataset = dict(type='RepeatDataset', times=2, dataset=dict(dataset))
    derive_settings(config)
    assert config.model.mask_head.num_classes == THINGS
    assert config.train_dataloader.dataset.dataset.pipeline[-2].strides == [4, 8, 16]


def test_mixed_images_are_a_wrapper_with_a_pipeline_of_its_own(scenes):
    config = config_without_counts('panoptic/panoptic_solo_effl0_scenes', scenes)
    images = dict(config.train_dataloader.dataset)
    load, rest = images['pipeline'][:2], images['pipeline'][2:]
    mix = [dict(type='PanopticMosaic'), dict(type='SplitStuffIslands', as_instances=True)]
    config.train_dataloader.dataset = dict(
        type='MultiImageMixDataset', dataset=dict(images, pipeline=load), pipeline=[*mix, *rest]
    )
    for loop in ('val', 'test'):
        config.pop(f'{loop}_dataloader')
    derive_settings(config)
    assert (config.model.num_things, config.model.num_stuff) == (THINGS, STUFF)
    assert config.model.mask_head.num_classes == THINGS + STUFF
    assert strides_of(config) == [4, 8, 16]


def test_a_head_that_learns_islands_has_the_classes_of_both(scenes):
    config = config_without_counts('panoptic/panoptic_solo_effl0_scenes', scenes)
    config.train_dataloader.dataset.pipeline.insert(2, dict(type='SplitStuffIslands', as_instances=True))
    derive_settings(config)
    model = MODELS.build(config.model)
    assert model.mask_head.num_classes == THINGS + STUFF and model.semantic_head.num_things == THINGS


def test_what_a_config_says_stays(tmp_path):
    """No data are read for it."""
    config = config_without_counts('panoptic/panoptic_solo_effl0_scenes', tmp_path / 'nowhere')
    config.model.update(num_things=5, num_stuff=2)
    config.train_dataloader.dataset.pipeline[-2].strides = [2, 4, 8, 16]
    derive_settings(config)
    model = MODELS.build(config.model)
    assert model.mask_head.num_classes == model.fusion_head.num_things == 5 and model.semantic_head.num_stuff == 2
    assert strides_of(config) == [2, 4, 8, 16]


def test_one_head_may_say_the_counts_of_all():
    model = Config.fromfile(REPOSITORY / 'configs/panoptic/panoptic_solo_effl0_scenes.py').model
    for owner in (model, model.mask_head, model.fusion_head):
        for key in ('num_classes', 'num_things', 'num_stuff'):
            owner.pop(key, None)
    model.semantic_head.update(num_things=4, num_stuff=3)
    built = MODELS.build(copy.deepcopy(model))
    assert built.mask_head.num_classes == 4 and built.fusion_head.num_stuff == 3
    model.semantic_head.pop('num_stuff')
    with pytest.raises(ConfigError, match='model.semantic_head has no num_stuff: set .*engine.load_config'):
        MODELS.build(model)


def test_a_head_without_classes_says_where_they_come_from():
    model = Config.fromfile(REPOSITORY / 'configs/solo/solo_effl0_scenes.py').model
    with pytest.raises(ConfigError, match='model.mask_head has no num_classes.* config that a training writes'):
        MODELS.build(model)


def test_missing_data_are_named(tmp_path):
    config = config_without_counts('solo/solo_effl0_scenes', tmp_path)
    with pytest.raises(MissingDataError, match=r'train_dataloader.dataset.ann_file: .*set the numbers in model'):
        derive_settings(config)
    derive_settings(config, ClassCounts(3, 0))
    assert config.model.mask_head.num_classes == 3


@pytest.mark.parametrize(
    ('mask_head', 'strides'),
    [
        (dict(), [4, 8, 16]),
        (dict(mask_supervision=dict(type='CommonStrideSupervision', stride=2)), [2]),
        (dict(assigner=dict(type='MaskCellAssigner', stride=1)), [1, 4, 8, 16]),
        (dict(type='SparseSOLOV2Head'), [4]),
        (dict(type='SOLOHead'), None),
    ],
)
def test_targets_are_made_where_the_head_compares_masks(scenes, mask_head, strides):
    config = config_without_counts('solo/solo_effl0_scenes', scenes)
    config.model.mask_head.update(mask_head)
    derive_settings(config)
    assert strides_of(config) == strides


def test_data_sets_that_list_classes_of_their_own_are_no_source(scenes):
    """mmdet's CocoDataset has COCO's 80 names, whatever the file has."""
    config = config_without_counts('solo/solo_effl0_scenes', scenes)
    for loop in ('train', 'val', 'test'):
        config[f'{loop}_dataloader'].dataset.type = 'CocoDataset'
    with pytest.raises(MissingDataError, match='train_dataloader.dataset.metainfo.classes does not exist'):
        derive_settings(config)
    config.train_dataloader.dataset.metainfo = dict(classes=THING_CLASSES)
    derive_settings(config)
    assert config.model.mask_head.num_classes == THINGS


def test_types_are_known_however_they_are_written(scenes):
    config = config_without_counts('panoptic/panoptic_solo_effl0_scenes', scenes)
    config.model.type = 'mmdet.PanopticSOLO'
    config.model.mask_head.mask_supervision = dict(type='CommonStrideSupervision', stride=2)
    config.train_dataloader.dataset.pipeline[-2].type = FixClassGT
    derive_settings(config)
    assert (config.model.num_things, config.model.num_stuff) == (THINGS, STUFF)
    assert config.train_dataloader.dataset.pipeline[-2].strides == [2]


def metrics_config(dataset, metric) -> Config:
    return Config(dict(val_dataloader=dict(dataset=dataset), val_evaluator=[metric, dict(type='SemanticIoUMetric')]))


DATA = dict(type='CheckedCocoDataset', data_root='data', ann_file='val.json', test_mode=True)


@pytest.mark.parametrize(
    ('dataset', 'ann_file', 'kind', 'kept'),
    [
        (DATA, 'data/val.json', 'CheckedCocoMetric', None),
        (DATA, 'data/../data/val.json', 'CheckedCocoMetric', None),
        (DATA, None, 'CheckedCocoMetric', None),
        (dict(type='RepeatDataset', dataset=DATA), './data/val.json', 'CheckedCocoMetric', None),
        (DATA, 'data/other.json', 'CheckedCocoMetric', 'data/other.json'),
        (dict(DATA, test_mode=False), 'data/val.json', 'CheckedCocoMetric', 'data/val.json'),
        (dict(DATA, type='CheckedCocoPanopticDataset'), 'data/val.json', 'CheckedCocoMetric', 'data/val.json'),
        (dict(DATA, type='CocoDataset'), 'data/val.json', 'CheckedCocoMetric', 'data/val.json'),
        (dict(DATA, type='CocoDataset'), None, 'CocoMetric', None),
    ],
)
def test_metrics_have_the_ground_truth_of_the_data(dataset, ann_file, kind, kept):
    metric = dict(type='CocoMetric', metric='segm', **({} if ann_file is None else dict(ann_file=ann_file)))
    config = metrics_config(dataset, metric)
    derive_settings(config)
    assert config.val_evaluator[0].type == kind and config.val_evaluator[0].get('ann_file') == kept
    assert config.val_evaluator[1] == dict(type='SemanticIoUMetric')
