"""The sheet of a panoptic config, from scenes and from a model with random weights."""

from __future__ import annotations

import copy
import importlib

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope

import mmdet_panseg  # noqa: F401, registers the parts of the config
from mmdet_panseg.apis import detector_sheet, load_annotated_dataset
from mmdet_panseg.datasets.scenes import STUFF_CLASSES, THING_CLASSES, make_scenes
from mmdet_panseg.visualization import annotated_results
from mmdet_panseg.visualization.result_rows import DrawnClasses

THINGS, STUFF = len(THING_CLASSES), len(STUFF_CLASSES)
WIDTH, HEIGHT = 96, 64
PIPELINE = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=(128, 128), keep_ratio=True),
    dict(type='LoadPanopticSegments'),
    dict(type='PackPanopticInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]


def make_config(root, **dataset):
    dataset = dict(
        type='CheckedCocoPanopticDataset',
        data_root=str(root),
        ann_file='annotations/panoptic_val.json',
        data_prefix=dict(img='images/val/', seg='annotations/panoptic_val/'),
        pipeline=PIPELINE,
        test_mode=True,
        **dataset,
    )
    return Config(
        dict(
            default_scope='mmdet',
            val_dataloader=dict(dataset=dataset),
            test_dataloader=dict(dataset=dataset),
            model=dict(
                type='PanopticSOLO',
                data_preprocessor=dict(type='DetDataPreprocessor', mean=[127] * 3, std=[128] * 3, pad_size_divisor=32),
                backbone=dict(type='ResNet', depth=18, base_channels=8),
                neck=dict(type='FPN', in_channels=[8, 16, 32, 64], out_channels=8, num_outs=5),
                mask_head=dict(
                    type='SparseSOLOHead',
                    num_classes=THINGS,
                    in_channels=8,
                    feat_channels=8,
                    stacked_convs=1,
                    num_grids=[8, 6, 4, 3, 2],
                    strides=[8, 8, 16, 32, 32],
                    norm_cfg=dict(type='GN', num_groups=4),
                ),
                semantic_head=dict(
                    type='SemanticFPNHead',
                    num_things=THINGS,
                    num_stuff=STUFF,
                    in_channels=8,
                    channels=8,
                    norm_cfg=dict(type='GN', num_groups=4),
                ),
                fusion_head=dict(
                    type='PanopticSOLOFusionHead', num_things=THINGS, num_stuff=STUFF, score_thr=0.1, min_stuff_area=10
                ),
                test_cfg=dict(
                    nms_pre=50,
                    score_thr=0.05,
                    mask_thr=0.5,
                    filter_thr=0.0,
                    kernel='gaussian',
                    sigma=2.0,
                    max_per_img=7,
                ),
            ),
        )
    )


def save_random_model(config, path):
    init_default_scope('mmdet')
    torch.manual_seed(0)
    model = MODELS.build(copy.deepcopy(config.model))
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    if config.model.get('mask_head'):
        model.mask_head.conv_cls.bias.data.fill_(0.5)
    torch.save(dict(state_dict=model.state_dict()), path)
    return path


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp('data') / 'scenes'
    make_scenes(folder, num_train=1, num_val=3, size=(WIDTH, HEIGHT), progress=False)
    return folder


@pytest.mark.parametrize('kind', ['CheckedCocoPanopticDataset', 'CocoPanopticDataset'])
def test_annotations_are_the_segments_of_the_file_at_full_size(root, kind):
    config = make_config(root, metainfo=dict(
        classes=THING_CLASSES + STUFF_CLASSES, thing_classes=THING_CLASSES, stuff_classes=STUFF_CLASSES
    ))  # fmt: skip
    config.val_dataloader.dataset.type = kind
    init_default_scope('mmdet')
    dataset = load_annotated_dataset(config, 'val')
    for sample in dataset:
        found = annotated_results(sample)
        assert found.semantic_map.shape == sample['img'].shape[:2] == (HEIGHT, WIDTH)
        infos = sample['segments_info']
        assert sorted(found.panoptic.labels.tolist()) == sorted(info['category'] for info in infos)
        assert len(found.instances.labels) == int((found.panoptic.is_thing).sum())
        assert DrawnClasses.of(dataset.metainfo).num_things == THINGS


def test_edits_of_segments_in_the_pipeline_are_part_of_the_ground_truth(root):
    config = make_config(root)
    edits = [dict(type='FilterCategories', drop=['sky', 'grass']), dict(type='SplitStuffIslands', min_area=5)]
    config.val_dataloader.dataset.pipeline[3:3] = edits
    init_default_scope('mmdet')
    plain, edited = (load_annotated_dataset(c, 'val') for c in (make_config(root), config))
    sky = plain.metainfo['classes'].index('sky')
    both = [(annotated_results(first), annotated_results(second)) for first, second in zip(plain, edited, strict=True)]
    assert any((first.semantic_map == sky).any() for first, _ in both)
    assert not any((second.semantic_map == sky).any() for _, second in both)
    assert any(len(second.panoptic.labels) > len(first.panoptic.labels) for first, second in both)


def test_sheet_has_two_rows_per_image(root, tmp_path):
    config = make_config(root)
    checkpoint = save_random_model(config, tmp_path / 'model.pth')
    one, three = (detector_sheet(config, checkpoint, num=n, score_thr=0.1, frame=(90, 120)) for n in (1, 3))
    assert one.shape[1] == three.shape[1] > 4 * 120
    # A row is a picture of 120 × 80 pixels and its caption.
    rows = (three.shape[0] - one.shape[0]) / 2
    assert 2 * 80 < rows < 2 * 120


@pytest.fixture
def composed(monkeypatch):
    """Which places of the sheets made are filled: a string for each row, such as ``'x.xx'``."""
    module = importlib.import_module('mmdet_panseg.apis.detector_sheet')
    found, compose = [], module.compose_sheet

    def record(rows, *arguments):
        found.extend(''.join('.' if image is None else 'x' for image in row.images) for row in rows)
        return compose(rows, *arguments)

    monkeypatch.setattr(module, 'compose_sheet', record)
    return found


@pytest.mark.parametrize('missing, places', [('semantic_head', '.x..'), ('mask_head', '..x.'), (None, '.xxx')])
def test_what_a_model_does_not_predict_is_left_empty(root, tmp_path, composed, missing, places):
    config = make_config(root)
    for part in (missing, 'fusion_head') if missing else ():
        config.model.pop(part)
    detector_sheet(config, save_random_model(config, tmp_path / 'model.pth'), num=2, frame=(90, 120))
    assert composed == ['xxxx', places] * 2


def test_ground_truth_may_be_missing(root, tmp_path, composed):
    config = make_config(root)
    dataset = config.test_dataloader.dataset
    dataset.data_prefix = ConfigDict(img='images/val/')
    checkpoint = save_random_model(config, tmp_path / 'model.pth')
    detector_sheet(config, checkpoint, num=1, split='test', frame=(90, 120))
    assert composed == ['x...', '.xxx']
