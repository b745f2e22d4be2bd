"""The recipes for fine-tuning start from checkpoints of mmdet."""

from __future__ import annotations

import math
import re
from pathlib import Path

import mmdet
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.hub import get_config
from mmengine.registry import init_default_scope

from mmdet_panseg.datasets.scenes import make_scenes
from mmdet_panseg.engine import CheckpointError, build_runner, load_checkpoint_safely, load_config
from repository import REPOSITORY

RECIPES = {
    'solo': 'solo/solo_r50_fpn_3x_coco',
    'decoupled_solo': 'solo/decoupled-solo_r50_fpn_3x_coco',
    'decoupled_solo_light': 'solo/decoupled-solo-light_r50_fpn_3x_coco',
    'solov2': 'solov2/solov2_r50_fpn_ms-3x_coco',
}
# Changes that make both models small.
SMALL = dict(
    backbone=dict(depth=18, init_cfg=None),
    neck=dict(in_channels=[64, 128, 256, 512], out_channels=32),
    mask_head=dict(in_channels=32, feat_channels=32),
)
OWN_DATA = """
_base_ = {recipe!r}
data_root = {data!r}
resize = [dict(type='Resize', scale=(320, 256), keep_ratio=True)]
pipeline = [*_base_.load_image, *_base_.load_instances, *resize, *_base_.targets, *_base_.pack]
classes = dict(classes=('disc', 'box', 'triangle'))
dataset = dict(data_root=data_root, metainfo=classes, pipeline=pipeline)
train_dataloader = dict(batch_size=1, num_workers=0, persistent_workers=False, dataset=dataset)
val_dataloader = val_cfg = val_evaluator = None
train_cfg = dict(max_iters=1)
load_from = {checkpoint!r}
model = {model!r}
"""


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp('data') / 'scenes'
    make_scenes(folder, num_train=2, num_val=1, progress=False)
    return folder


@pytest.fixture
def own_config(scenes, tmp_path):
    """Write a checkpoint in mmdet's format, with random weights, and a user's config that starts from it."""

    def write(name, **head):
        published = get_config(f'mmdet::{RECIPES[name]}.py')
        published.merge_from_dict(dict(model=SMALL))
        init_default_scope('mmdet')
        model = MODELS.build(published.model)
        model.init_weights()
        weights = model.state_dict()
        for value in weights.values():
            if value.is_floating_point():
                value += 0.01 * torch.rand_like(value)  # biases and statistics are then no initial ones
        meta = dict(mmdet_version='2.15.1', config=published.pretty_text, CLASSES=('person', 'bicycle'))
        torch.save(dict(meta=meta, state_dict=weights), tmp_path / 'coco.pth')
        path = tmp_path / 'my_config.py'
        path.write_text(
            OWN_DATA.format(
                recipe=str(REPOSITORY / f'configs/recipes/finetune_{name}_r50.py'),
                data=str(scenes),
                checkpoint=str(tmp_path / 'coco.pth'),
                model={**SMALL, 'mask_head': {**SMALL['mask_head'], **head}},
            )
        )
        return load_config(path, work_dir=str(tmp_path / 'run'))

    return write


class LoadedWeights(Hook):
    """Keep the weights that the training starts with."""

    def before_train(self, runner):
        self.weights = {key: value.clone() for key, value in runner.model.state_dict().items()}


@pytest.mark.parametrize('name', RECIPES)
def test_all_but_the_classifier_is_loaded_and_learns_slowly(own_config, tmp_path, name):
    runner = build_runner(own_config(name))
    loaded = LoadedWeights()
    runner.register_hook(loaded)
    runner.train()
    published = load_checkpoint_safely(tmp_path / 'coco.pth')['state_dict']
    classifier = {'mask_head.conv_cls.weight', 'mask_head.conv_cls.bias'}
    assert loaded.weights.keys() == published.keys()
    assert all(torch.equal(value, published[key]) for key, value in loaded.weights.items() if key not in classifier)
    weight, bias = (loaded.weights[f'mask_head.conv_cls.{kind}'] for kind in ('weight', 'bias'))
    assert weight.shape == (3, 32, 3, 3) and 0.005 < weight.std() < 0.02
    assert torch.allclose(bias, torch.full((3,), -math.log(99)))
    log = Path(runner.log_dir, f'{runner.timestamp}.log').read_text()
    told = f'mask_head.conv_cls started anew; everything else, {len(published) - 2} entries, was loaded.'
    assert log.count(f'coco.pth: {told}') == 1
    assert 'do not match exactly' not in log and 'entries match' not in log

    groups = runner.optim_wrapper.param_groups
    rates = {id(parameter): group['initial_lr'] for group in groups for parameter in group['params']}
    for key, parameter in runner.model.named_parameters():
        if key.startswith(('backbone.conv1', 'backbone.bn1', 'backbone.layer1')):
            assert not parameter.requires_grad and id(parameter) not in rates
        else:
            assert rates[id(parameter)] == pytest.approx(1e-3 if key in classifier else 1e-4), key
        assert key not in classifier or not torch.equal(parameter, loaded.weights[key])
    running = [key for key in published if 'running_' in key]
    assert running and all(torch.equal(runner.model.state_dict()[key], published[key]) for key in running)


@pytest.mark.parametrize('name', ['solo', 'decoupled_solo', 'decoupled_solo_light'])
def test_other_grids_than_the_checkpoint_are_one_clear_error(own_config, name):
    config = own_config(name, num_grids=[20, 18, 12, 8, 6])
    layer, shapes = ('conv_mask_list.0', '1600, 32, 1, 1') if name == 'solo' else ('conv_mask_list_x.0', '40, 32, 3, 3')
    pattern = rf'coco\.pth: does not fit .*{layer}\.weight \(file \[{shapes}\].*leave num_grids'
    with pytest.raises(CheckpointError, match=pattern):
        build_runner(config).train()


@pytest.mark.parametrize('name', RECIPES)
def test_recipes_have_the_models_of_their_checkpoints(name):
    config = Config.fromfile(REPOSITORY / f'configs/recipes/finetune_{name}_r50.py')
    published = get_config(f'mmdet::{RECIPES[name]}.py')
    init_default_scope('mmdet')
    config.model.mask_head.num_classes = 3
    with torch.device('meta'):
        shapes = [
            {key: value.shape for key, value in MODELS.build(model).state_dict().items()}
            for model in (config.model, published.model)
        ]
    assert shapes[0].keys() == shapes[1].keys()
    different = [key for key in shapes[0] if shapes[0][key] != shapes[1][key]]
    assert different == ['mask_head.conv_cls.weight', 'mask_head.conv_cls.bias']
    for key in ('data_preprocessor', 'test_cfg'):
        assert config.model[key] == published.model[key]
    for key in ('num_grids', 'scale_ranges', 'strides'):
        assert config.model.mask_head[key] == published.model.mask_head[key]
    assert config.load_from == address_of_weights(RECIPES[name])


def address_of_weights(published: str) -> str:
    """Where mmdet's model zoo has the weights of a config."""
    folder, _, name = published.partition('/')
    return re.search(rf'Name: {name}\n.*?Weights: (\S+)', metafile(folder), re.DOTALL)[1]


def metafile(folder: str) -> str:
    return (Path(mmdet.__file__).parent / '.mim' / 'configs' / folder / 'metafile.yml').read_text()


def test_the_readme_has_addresses_of_the_model_zoo():
    rows = re.findall(r'\| `(\w+)` .* (\S+pth) \|', (REPOSITORY / 'configs/recipes/README.md').read_text())
    assert {name for name, _ in rows} == set(RECIPES)
    assert all(address in metafile(RECIPES[name].split('/')[0]).split() for name, address in rows)
