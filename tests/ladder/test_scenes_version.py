"""The rungs for the embedded scenes, made by rules."""

from __future__ import annotations

import copy

import pytest
from mmengine.config import Config

from ladder_cases import BASE, CHILD, ROOT, write_ladder
from mmdet_panseg.engine import ClassCounts, derive_settings
from mmdet_panseg.engine.config import loading as config_options
from mmdet_panseg.errors import ConfigError
from mmdet_panseg.ladder import RunSettings, ladder_problems, plan_jobs, print_plan, read_ladder, scenes_config
from mmdet_panseg.ladder.config_changes import config_changes
from mmdet_panseg.ladder.iterations import scale_iterations
from mmdet_panseg.ladder.rungs import RUN_KEYS
from mmdet_panseg.ladder.scenes_version import not_taken_over
from repository import REPOSITORY

FOLDER = REPOSITORY / 'configs/solo/ladder'
PANOPTIC = FOLDER.parents[1] / 'panoptic/ladder'


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
    assert 'num_classes' not in head and head['feat_channels'] == 96 and head['num_grids'] == [16, 12, 10, 8, 6]
    pipeline = configs['seed_1x']['train_dataloader']['dataset']['pipeline']
    assert pipeline[2]['scale'] == (320, 256)
    derived = Config(copy.deepcopy(configs['seed_1x']))
    derive_settings(derived, ClassCounts(8, 5))
    assert derived.train_dataloader.dataset.pipeline[4] == dict(type='FixClassGT', strides=[4], boxes='annotation')
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
    once, thrice = real[0]['seed_1x'], real[0]['seed_3x']
    assert thrice['train_cfg'] == {**once['train_cfg'], 'max_iters': 3000}
    assert thrice['param_scheduler'] == once['param_scheduler']


def test_multi_scale_in_proportion(real):
    resize = real[0]['ml_mass_3x_ms']['train_dataloader']['dataset']['pipeline'][2]
    assert resize == dict(type='RandomResize', scale=[(384, 205), (384, 307)], keep_ratio=True)


@pytest.mark.parametrize(
    ('scheduler', 'times'),
    [
        (dict(type='LinearLR', begin=0, end=100), 'LinearLR has end=100'),
        (dict(type='CosineAnnealingLR', begin=100, T_max=900), 'CosineAnnealingLR has begin=100, T_max=900'),
        (dict(type='MultiStepLR', milestones=[500, 900]), r'MultiStepLR has milestones=\[500, 900\]'),
        (dict(type='StepLR', step_size=300), 'StepLR has step_size=300'),
    ],
)
def test_a_schedule_with_times_of_its_own_is_not_rescaled(scheduler, times):
    relative = [dict(type='WarmupLR', length=100), dict(type='StepDecayLR', milestones=[0.5, 0.9])]
    config = dict(train_cfg=dict(max_iters=1000), param_scheduler=relative)
    scale_iterations(config, 40)
    assert config == dict(train_cfg=dict(max_iters=40), param_scheduler=relative)
    config['param_scheduler'] = [*relative, scheduler]
    scale_iterations(config, 40)  # as long as before
    with pytest.raises(ConfigError, match=f'{times}, which would not fit .*take WarmupLR'):
        scale_iterations(config, 1000)
    with pytest.raises(ConfigError, match='max_iters'):
        scale_iterations(dict(train_cfg=dict(max_epochs=2)), 3)


WITHOUT_RULE = {
    'a setting of the data loader': 'train_dataloader = dict(batch_size=4)',
    'the optimizer': 'optim_wrapper = dict(optimizer=dict(lr=1.0))',
    'the schedule alone': 'param_scheduler = []',
    'a transform twice': (
        "train_dataloader = dict(dataset=dict(pipeline=[*_base_.train_pipeline, dict(type='FixClassGT')]))"
    ),
    'a transform less': "train_dataloader = dict(dataset=dict(pipeline=[dict(type='FixClassGT')]))",
    'a number without a ratio': 'model = dict(loss_weight=2.0)',
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


def test_a_longer_training_keeps_the_shape_of_its_schedule(tmp_path):
    solo = FOLDER.parent
    root = f"""
    _base_ = '{solo}/solo_r50_fpn_p2p6_1x_coco.py'
    ablation = dict(change='start', published_ap=20.0, schedule='1x', scenes='{solo}/solo_effl0_scenes_short.py')
    """
    longer = "_base_ = './root.py'\ntrain_cfg = dict(max_epochs=24)\n"
    schedule = longer + 'param_scheduler = _base_.param_scheduler\n'
    rungs = dict(
        longer=longer,
        cosine=schedule + "param_scheduler[1] = dict(type='CosineDecayLR', by_epoch=True)",
        steeper=schedule + 'param_scheduler[1].update(gamma=0.01)',
        cold=schedule + 'param_scheduler.pop(0)',
    )
    ladder = read_ladder(write_ladder(tmp_path, root=root, child=None, **rungs))
    length = scenes_config(ladder, ladder.rungs['root'])['train_cfg']['max_iters']
    assert scenes_config(ladder, ladder.rungs['longer'])['train_cfg']['max_iters'] == 2 * length
    for name in ('cosine', 'steeper', 'cold'):
        with pytest.raises(ConfigError, match='no rule takes param_scheduler over'):
            scenes_config(ladder, ladder.rungs[name])


def test_a_rung_that_is_not_for_the_scenes(tmp_path, capsys):
    """With those below it; the others have their runs."""
    slower = (
        "_base_ = './root.py'\nparam_scheduler = []\nablation = dict(change='slower', published_ap=None, schedule='1x'"
    )
    rungs = dict(
        root=ROOT.replace("'1x'", "'1x', scenes='../scenes.py'"),
        slower=f'{slower}, scenes=None)',
        wider=CHILD.replace('root', 'slower'),
    )
    folder = write_ladder(tmp_path, **rungs)
    (tmp_path / 'scenes.py').write_text(f'{BASE}\ntrain_cfg = dict(by_epoch=False, max_iters=9)\n')
    ladder = read_ladder(folder)
    assert ladder_problems(ladder) == []
    assert [job.rung for job in plan_jobs(ladder, tmp_path, 1, RunSettings())] == ['root', 'child']
    with pytest.raises(ConfigError, match='--only wider: not for the scenes.*--data own'):
        plan_jobs(ladder, tmp_path, 1, RunSettings(), ['root', 'wider'])
    with pytest.raises(ConfigError, match='slower.py: not for the scenes'):
        scenes_config(ladder, ladder.rungs['slower'])
    print_plan(ladder)
    assert capsys.readouterr().out.count('not for the scenes') == 2

    (folder / 'slower.py').write_text(f'{slower})')
    (problem,) = (found for found in ladder_problems(read_ladder(folder)) if 'slower.py' in found)
    assert 'no rule takes param_scheduler over to the scenes; set ablation.scenes=None' in problem


def test_a_root_without_scenes(tmp_path):
    ladder = read_ladder(write_ladder(tmp_path))
    with pytest.raises(ConfigError, match='root.py: ablation.scenes=None is no config file'):
        scenes_config(ladder, ladder.rungs['child'])
    with pytest.raises(ConfigError, match='root.py: ablation.scenes=None is no config file.*--data own'):
        plan_jobs(ladder, tmp_path, 1, RunSettings(), ['child'])


@pytest.fixture(scope='module')
def panoptic():
    ladder = read_ladder(PANOPTIC)
    return {name: scenes_config(ladder, rung) for name, rung in ladder.rungs.items()}, ladder


@pytest.mark.parametrize(
    ('name', 'changes'),
    [
        ('score_thr_lower_1x', {'fusion_head.score_thr': 0.2}),
        ('min_stuff_area_lower_1x', {'fusion_head.min_stuff_area': 16}),
        ('min_stuff_area_higher_1x', {'fusion_head.min_stuff_area': 256}),
        ('semantic_weight_lower_1x', {'semantic_head.loss_semantic.loss_weight': 0.5}),
        ('semantic_weight_higher_1x', {'semantic_head.loss_semantic.loss_weight': 2.0}),
        ('merged_things_1x', {'semantic_head.merge_things': True}),
        ('shared_tower_1x', {'semantic_head.type': 'SharedTowerSemanticHead'}),
    ],
)
def test_panoptic_changes_fit_the_scenes(panoptic, name, changes):
    configs, ladder = panoptic
    assert run_changes(configs['base_1x'], configs[name]) == {f'model.{key}': value for key, value in changes.items()}
    assert not not_taken_over(ladder.rungs[name])


def test_the_first_panoptic_rung_is_the_config_of_the_scenes(panoptic):
    configs, ladder = panoptic
    scenes = ladder.outside_config(PANOPTIC.parent / 'panoptic_solo_effl0_scenes.py')
    assert run_changes(scenes, configs['base_1x']) == {}


def test_islands_have_the_classes_of_the_scenes(panoptic):
    configs, ladder = panoptic
    config = configs['stuff_islands_1x']
    changes = run_changes(configs['base_1x'], config)
    pipeline = changes.pop('train_dataloader.dataset.pipeline')
    assert not changes
    derived = Config(copy.deepcopy(config))
    derive_settings(derived, ClassCounts(8, 5))
    assert derived.model.num_things == 8 and derived.model.mask_head.num_classes == 13
    base = configs['base_1x']['train_dataloader']['dataset']['pipeline']
    assert pipeline == [*base[:2], dict(type='SplitStuffIslands', as_instances=True), *base[2:]]
    assert not not_taken_over(ladder.rungs['stuff_islands_1x'])


def test_a_transform_is_added_behind_the_same_one(tmp_path):
    root = ROOT.replace("'1x'", "'1x', scenes='../scenes.py'")
    flip = 'train_dataloader = dict(dataset=dict(pipeline=[{}]))'
    first = flip.format("dict(type='LoadCheckedImage'), *_base_.train_pipeline")
    middle = flip.format("_base_.train_pipeline[0], dict(type='SplitStuffIslands'), _base_.train_pipeline[1]")
    text = "_base_ = './root.py'\nablation = dict(change='more', published_ap=None, schedule='1x')\n"
    folder = write_ladder(tmp_path, root=root, child=None, first=text + first, middle=text + middle)
    (tmp_path / 'scenes.py').write_text(
        "_base_ = './base.py'\n"
        + flip.format("dict(type='Resize', scale=(9, 9)), *_base_.train_pipeline, dict(type='PackPanopticInputs')")
    )
    ladder = read_ladder(folder)
    for name, expected in (
        ('first', 'LoadCheckedImage Resize RandomFlip FixClassGT PackPanopticInputs'),
        ('middle', 'Resize RandomFlip SplitStuffIslands FixClassGT PackPanopticInputs'),
    ):
        pipeline = scenes_config(ladder, ladder.rungs[name])['train_dataloader']['dataset']['pipeline']
        assert [transform['type'] for transform in pipeline] == expected.split()


def test_jobs_scale_with_the_root(real, tmp_path):
    ladder = real[1]
    jobs = plan_jobs(ladder, tmp_path, 2, RunSettings(max_iters=10), ['seed_1x', 'seed_3x'])
    assert [(job.name, job.iterations) for job in jobs] == [
        ('seed_1x/seed0', 10), ('seed_3x/seed0', 30), ('seed_1x/seed1', 10), ('seed_3x/seed1', 30)
    ]  # fmt: skip
    assert len({job.digest for job in jobs}) == 4 and {job.root_iterations for job in jobs} == {10}
    assert all('val_cfg' not in job.config and job.config['randomness']['seed'] == job.seed for job in jobs)
    jobs = plan_jobs(ladder, tmp_path, 1, RunSettings(max_iters=10), ['matrix_nms_1x'])
    assert [job.rung for job in jobs] == ['soloassign_1x', 'matrix_nms_1x'] and jobs[1].source is jobs[0]
    with pytest.raises(ConfigError, match='seed_2x: no such rung'):
        plan_jobs(ladder, tmp_path, 1, RunSettings(), ['seed_2x'])
    with pytest.raises(ConfigError, match='counts epochs'):
        plan_jobs(ladder, tmp_path, 1, RunSettings('own'))


def test_settings_reach_every_job(real, tmp_path):
    ladder = real[1]
    settings = RunSettings(max_iters=10, amp=True, options={'train_dataloader.batch_size': 2})
    plain = plan_jobs(ladder, tmp_path, 1, RunSettings(max_iters=10), ['seed_1x', 'seed_3x'])
    jobs = plan_jobs(ladder, tmp_path, 1, settings, ['seed_1x', 'seed_3x'])
    assert [job.iterations for job in jobs] == [10, 30]
    assert not {job.digest for job in jobs} & {job.digest for job in plain}
    for job in jobs:
        assert job.config['train_dataloader']['batch_size'] == 2
        assert 'Amp' in job.config['optim_wrapper']['type']
        assert job.settings.text == '--amp --cfg-options train_dataloader.batch_size=2'


def test_an_unknown_option_is_named_once_and_added(real, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(config_options, 'print_log', lambda text, **kwargs: said.append(text))
    settings = RunSettings(options={'train_dataloader.batchsize': 2})
    jobs = plan_jobs(real[1], tmp_path, 2, settings, ['seed_1x', 'seed_3x'])
    assert {job.config['train_dataloader']['batchsize'] for job in jobs} == {2}
    assert len(said) == 1 and 'nearest key is train_dataloader.batch_size' in said[0]
