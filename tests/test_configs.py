"""Every config resolves, and its model builds and agrees with its data."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmdet.registry import DATASETS, METRICS, MODELS, TRANSFORMS
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.registry import init_default_scope

from mmdet_panseg.datasets.images.image_files import rename_images
from mmdet_panseg.datasets.scenes import make_scenes
from mmdet_panseg.engine import ClassCounts, derive_settings
from mmdet_panseg.engine.config.kinds import kind_problems
from mmdet_panseg.engine.config.unknown_arguments import argument_problems
from repository import REPOSITORY

FOLDER = REPOSITORY / 'configs'
# The rungs of ladders have a check of their own (tests/ladder/test_checks.py).
CONFIGS = sorted(
    path for path in FOLDER.rglob('*.py') if not {'_base_', 'ladder', 'heads'} & set(path.relative_to(FOLDER).parts)
)


def read(name: str | Path) -> Config:
    """Read a config; where it leaves the classes to data, which need not be there, it gets two things and one stuff."""
    config = Config.fromfile(FOLDER / name)
    derive_settings(config, ClassCounts(2, 1))
    return config


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_builds(path):
    config = read(path)
    assert 'mmdet_panseg' in config.custom_imports['imports']
    settings = config.to_dict()
    assert not [*kind_problems(settings), *argument_problems(settings)]
    for loader in (config.train_dataloader, config.test_dataloader):
        for transform in loader.dataset.pipeline:
            TRANSFORMS.build(transform)
    evaluators = config.test_evaluator if isinstance(config.test_evaluator, list) else [config.test_evaluator]
    for evaluator in evaluators:
        assert METRICS.get(evaluator.type) is not None
    dataset = config.test_dataloader.dataset
    coco = [evaluator for evaluator in evaluators if evaluator.get('ann_file') is not None]
    assert all(Path(evaluator.ann_file).parent.name == Path(dataset.ann_file).parent.name for evaluator in coco)
    assert dataset.type.startswith('CheckedCoco')
    model = MODELS.build(config.model)
    assert type(model).__name__ == config.model.type
    assert sum(parameter.numel() for parameter in model.parameters()) > 1e6


@pytest.mark.parametrize(
    ('name', 'published'),
    [
        ('solo_1x', 'solo/solo_r50_fpn_1x_coco'),
        ('solo_3x', 'solo/solo_r50_fpn_3x_coco'),
        ('decoupled_solo_1x', 'solo/decoupled-solo_r50_fpn_1x_coco'),
        ('decoupled_solo_3x', 'solo/decoupled-solo_r50_fpn_3x_coco'),
        ('decoupled_solo_light_3x', 'solo/decoupled-solo-light_r50_fpn_3x_coco'),
        ('solov2_1x', 'solov2/solov2_r50_fpn_1x_coco'),
        ('solov2_3x', 'solov2/solov2_r50_fpn_ms-3x_coco'),
    ],
)
def test_heads_take_the_checkpoints_of_mmdet(name, published):
    """State dict, losses and epochs are those of mmdet's config of the same name."""
    ours, mmdets = read(f'solo/heads/{name}.py'), get_config(f'mmdet::{published}.py')
    init_default_scope('mmdet')
    models = [MODELS.build(config.model) for config in (ours, mmdets)]
    shapes = [{key: value.shape for key, value in model.state_dict().items()} for model in models]
    assert shapes[0] == shapes[1]
    losses = [model.mask_head.loss_mask for model in models]
    assert type(losses[0]) is type(losses[1])
    for key in ('activate', 'use_sigmoid', 'loss_weight', 'eps', 'naive_dice'):
        assert getattr(losses[0], key) == getattr(losses[1], key)
    heads = ours.model.mask_head, mmdets.model.mask_head
    assert heads[0].type == f'Sparse{heads[1].type}'
    # mmdet's light head is for images of 512 pixels.
    for key in ('loss_cls', 'num_grids', 'strides', *(['scale_ranges'] if 'light' not in name else [])):
        assert heads[0][key] == heads[1][key]
    assert ours.model.test_cfg == mmdets.model.test_cfg
    assert ours.train_cfg.max_epochs == mmdets.train_cfg.max_epochs


def test_cityscapes_images_get_the_names_that_they_have_on_disk():
    config = Config.fromfile(FOLDER / 'panoptic/panoptic_solo_r50_fpn_p2p6_cityscapes.py')
    record = dict(file_name='frankfurt_000000_000294_gtFine_leftImg8bit.png')
    (image,) = rename_images([record], config.val_dataloader.dataset.image_name_sub)
    assert image['file_name'] == 'frankfurt/frankfurt_000000_000294_leftImg8bit.png'


def positive_cells_per_level(config: Config, data_root: Path, num_images: int = 60) -> torch.Tensor:
    """Positive cells of each level of the pyramid over the first images of the training set."""
    dataset_config = {**config.train_dataloader.dataset, 'data_root': str(data_root), 'indices': num_images}
    init_default_scope(config.default_scope)
    dataset = DATASETS.build(dataset_config)
    head = MODELS.build(config.model).mask_head
    counts = torch.zeros(head.num_levels, dtype=torch.long)
    for index in range(len(dataset)):
        packed = dataset[index]
        sample = packed['data_samples']
        height, width = (-(-side // 32) * 32 for side in packed['inputs'].shape[-2:])
        sample.set_metainfo(dict(batch_input_shape=(height, width)))
        _, (assigned,) = head.assign((height, width), [sample])
        ends = torch.tensor(head.level_cells).cumsum(0)
        counts += torch.bincount(torch.bucketize(assigned.cells, ends, right=True), minlength=head.num_levels)
    return counts


def test_scale_ranges_of_the_scenes_reach_every_level(tmp_path):
    """Sixty scenes give every level of the pyramid at least ten positive cells."""
    make_scenes(tmp_path / 'scenes', num_train=60, num_val=1, progress=False)
    config = read('solo/solo_effl0_scenes.py')
    counts = positive_cells_per_level(config, tmp_path / 'scenes')
    assert (counts >= 10).all(), counts.tolist()


@pytest.mark.parametrize(
    ('name', 'pack'),
    [
        ('recipes/instance_cpu_person_mini', 'coco_person_mini'),
        ('recipes/instance_cpu_nuclei_mini', 'nuclei_mini'),
        ('solo/solo_effl0_coco_mini', 'coco_mini'),
        ('solo/solo_effl0_coco_mini_overfit40', 'coco_mini'),
    ],
)
def test_scale_ranges_of_the_photographs_reach_every_level(real_data, name, pack):
    config = read(f'{name}.py')
    counts = positive_cells_per_level(config, real_data(pack))
    assert (counts >= 10).all(), counts.tolist()


@pytest.mark.parametrize('split', ['train', 'val'])
def test_coco_mini_is_read_by_its_panoptic_config(real_data, split):
    """The first photograph of each split has pixels of things, and void elsewhere."""
    config = read('panoptic/panoptic_solo_effl0_coco_mini.py')
    init_default_scope(config.default_scope)
    settings = config[f'{split}_dataloader'].dataset
    settings.data_root = str(real_data('coco_mini'))
    dataset = DATASETS.build(settings)
    semantic_map = dataset[0]['data_samples'].gt_sem_seg.sem_seg
    assert ((semantic_map >= 0) & (semantic_map < 80)).any()
    assert (semantic_map == 255).any()
