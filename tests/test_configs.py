"""Every config resolves, and its model builds and agrees with its data."""

from pathlib import Path

import pytest
import torch
from mmdet.registry import DATASETS, MODELS, TRANSFORMS
from mmengine.config import Config
from mmengine.registry import init_default_scope

import mmdet_panseg  # noqa: F401
from mmdet_panseg.datasets.scenes import make_scenes

CONFIGS = sorted(path for path in (Path(__file__).parents[1] / 'configs').rglob('*.py') if '_base_' not in path.parts)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_builds(path):
    config = Config.fromfile(path)
    init_default_scope(config.default_scope)
    assert 'mmdet_panseg' in config.custom_imports['imports']
    for loader in (config.train_dataloader, config.test_dataloader):
        for transform in loader.dataset.pipeline:
            TRANSFORMS.build(transform)
    if config.test_evaluator.ann_file is not None:
        assert config.test_evaluator.ann_file.endswith(config.test_dataloader.dataset.ann_file)
    assert config.train_dataloader.dataset.type == 'CheckedCocoDataset'
    model = MODELS.build(config.model)
    assert type(model.mask_head).__name__ == config.model.mask_head.type
    assert sum(parameter.numel() for parameter in model.parameters()) > 1e6


def test_scale_ranges_of_the_scenes_reach_every_level(tmp_path):
    """Sixty scenes give every level of the pyramid at least ten positive cells."""
    config = Config.fromfile(Path(__file__).parents[1] / 'configs/solo/solo_effl0_scenes.py')
    make_scenes(tmp_path / 'scenes', num_train=60, num_val=1, progress=False)
    dataset_config = {**config.train_dataloader.dataset, 'data_root': str(tmp_path / 'scenes')}
    dataset = DATASETS.build(dataset_config)
    head = MODELS.build(config.model).mask_head
    cells_per_level = torch.zeros(head.num_levels, dtype=torch.long)
    for index in range(len(dataset)):
        sample = dataset[index]['data_samples']
        sample.set_metainfo(dict(batch_input_shape=(256, 320)))
        features = [torch.zeros(1, 1, 32, 40)]
        _, (assigned,) = head.assign(features, [sample])
        ends = torch.tensor(head.level_cells).cumsum(0)
        cells_per_level += torch.bincount(torch.bucketize(assigned.cells, ends, right=True), minlength=head.num_levels)
    assert (cells_per_level >= 10).all(), cells_per_level.tolist()
