"""The rungs for the embedded scenes, made by rules."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from ladder_cases import write_ladder  # noqa: E402

from mmdet_panseg.apis.ladder import plan_jobs, read_ladder, scenes_config  # noqa: E402
from mmdet_panseg.apis.ladder.config_changes import config_changes  # noqa: E402
from mmdet_panseg.apis.ladder.iterations import scale_iterations  # noqa: E402
from mmdet_panseg.apis.ladder.rungs import RUN_KEYS  # noqa: E402
from mmdet_panseg.errors import ConfigError  # noqa: E402

FOLDER = Path(__file__).resolve().parents[2] / 'configs/solo/ladder'


@pytest.fixture(scope='module')
def real():
    ladder = read_ladder(FOLDER)
    return {name: scenes_config(ladder, rung) for name, rung in ladder.rungs.items()}, ladder


def run_changes(old, new):
    changes = config_changes(old, new)
    return {'.'.join(key): change.new for key, change in changes.items() if key[0] in RUN_KEYS}


def test_the_root_has_its_components_and_the_sizes_of_the_scenes(real):
    configs, ladder = real
    head = configs['seed_1x']['model']['mask_head']
    author = ladder.rungs['seed_1x'].config['model']['mask_head']
    for name in ('assigner', 'mask_supervision', 'classifier', 'normalizer', 'loss_mask'):
        assert head[name] == author[name]
    assert head['num_classes'] == 8 and head['feat_channels'] == 96 and head['num_grids'] == [32, 24, 16, 12, 8]
    pipeline = configs['seed_1x']['train_dataloader']['dataset']['pipeline']
    assert pipeline[2]['scale'] == (320, 256)
    assert pipeline[4] == dict(type='FixClassGT', strides=[4], boxes='annotation')
    assert configs['seed_1x']['model']['backbone']['type'] == 'EfficientNetLite'


@pytest.mark.parametrize(
    ('name', 'changes'),
    [
        ('match_v2_1x', {'model.mask_head.loss_cls.gamma': 2.2, 'model.mask_head.loss_cls.alpha': 0.3,
                         'model.test_cfg.score_thr': 0.05}),
        ('match_v3_1x', {'model.neck.type': 'ConvolvedFPN'}),
        ('ml_mass_1x', {'model.mask_head.assigner.center': 'mass'}),
        ('soloassign_1x', {'model.mask_head.assigner.grid': 'padded'}),
        ('caffe_1x', {'optim_wrapper.paramwise_cfg.bias_lr_mult': 2.0}),
    ],
)  # fmt: skip
def test_a_rung_differs_from_its_parent_as_on_coco(real, name, changes):
    configs, ladder = real
    assert run_changes(configs[ladder.rungs[name].parent], configs[name]) == changes


def test_three_times_as_long(real):
    config = real[0]['seed_3x']
    assert config['train_cfg']['max_iters'] == 3000
    warm_up, cosine = config['param_scheduler']
    assert (warm_up['begin'], warm_up['end']) == (0, 100)
    assert (cosine['begin'], cosine['end'], cosine['T_max']) == (100, 3000, 2900)


def test_multi_scale_in_proportion(real):
    resize = real[0]['ml_mass_3x_ms']['train_dataloader']['dataset']['pipeline'][2]
    assert resize == dict(type='RandomResize', scale=[(384, 205), (384, 307)], keep_ratio=True)


def test_short_trainings_keep_their_shape():
    config = dict(
        train_cfg=dict(max_iters=1000, val_interval=1000),
        param_scheduler=[
            dict(type='LinearLR', begin=0, end=100),
            dict(type='CosineAnnealingLR', begin=100, end=1000, T_max=900),
            dict(type='MultiStepLR', milestones=[500, 900]),
        ],
    )
    scale_iterations(config, 40)
    assert config['train_cfg'] == dict(max_iters=40, val_interval=40)
    warm_up, cosine, steps = config['param_scheduler']
    assert (warm_up['end'], cosine['begin'], cosine['end'], cosine['T_max']) == (8, 8, 40, 32)
    assert steps['milestones'] == [20, 36]
    with pytest.raises(ConfigError, match='max_iters'):
        scale_iterations(dict(train_cfg=dict(max_epochs=2)), 3)


WITHOUT_RULE = {
    'a setting of the data loader': 'train_dataloader = dict(batch_size=4)',
    'the optimizer': 'optim_wrapper = dict(optimizer=dict(lr=1.0))',
    'the schedule alone': 'param_scheduler = []',
    'a transform more': (
        "train_dataloader = dict(dataset=dict(pipeline=[*_base_.train_pipeline, dict(type='PackPanopticInputs')]))"
    ),
    'another transform': (
        "train_dataloader = dict(dataset=dict(pipeline=[dict(type='FixClassGT'), dict(type='FixClassGT')]))"
    ),
}


@pytest.mark.parametrize('change', WITHOUT_RULE.values(), ids=WITHOUT_RULE)
def test_what_has_no_rule_is_an_error(tmp_path, change):
    root = """
    _base_ = '../base.py'
    model = dict(neck=dict(num_outs=5))
    ablation = dict(change='wider', published_ap=20.0, schedule='1x', scenes='../base.py')
    """
    folder = write_ladder(tmp_path, root=root, child=None, other=f"_base_ = './root.py'\n{change}")
    ladder = read_ladder(folder)
    assert not ladder.problems
    with pytest.raises(ConfigError, match='no rule takes'):
        scenes_config(ladder, ladder.rungs['other'])


def test_a_root_without_scenes(tmp_path):
    ladder = read_ladder(write_ladder(tmp_path))
    with pytest.raises(ConfigError, match='ablation.scenes=None'):
        scenes_config(ladder, ladder.rungs['child'])


def test_jobs_scale_with_the_root(real, tmp_path):
    ladder = real[1]
    jobs = plan_jobs(ladder, tmp_path, 2, 'scenes', 10, ['seed_1x', 'seed_3x'])
    assert [(job.name, job.iterations) for job in jobs] == [
        ('seed_1x/seed0', 10), ('seed_3x/seed0', 30), ('seed_1x/seed1', 10), ('seed_3x/seed1', 30)
    ]  # fmt: skip
    assert len({job.digest for job in jobs}) == 4 and {job.root_iterations for job in jobs} == {10}
    assert all('val_cfg' not in job.config and job.config['randomness']['seed'] == job.seed for job in jobs)
    with pytest.raises(ConfigError, match='seed_2x: no such rung'):
        plan_jobs(ladder, tmp_path, 1, 'scenes', None, ['seed_2x'])
    with pytest.raises(ConfigError, match='counts epochs'):
        plan_jobs(ladder, tmp_path, 1, 'own', None, None)
