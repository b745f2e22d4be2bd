"""Reading and checking a ladder of configs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ladder_cases import CHILD, ROOT, TESTED, write_ladder
from mmdet_panseg.errors import ConfigError
from mmdet_panseg.ladder import (
    ladder_problems,
    print_plan,
    read_ladder,
    require_sound,
    warn_of_unread_configs,
)
from mmdet_panseg.ladder.config_changes import ABSENT, apply_changes, config_changes
from mmdet_panseg.ladder.reading import declared_keys
from repository import REPOSITORY

ABLATION = "ablation = dict(change='more', published_ap=22.0, schedule='1x')"


def problems_of(folder: Path, **rungs) -> list[str]:
    return ladder_problems(read_ladder(write_ladder(folder, **rungs)))


def test_a_sound_ladder_has_no_problems(tmp_path):
    ladder = read_ladder(write_ladder(tmp_path))
    assert ladder_problems(ladder) == []
    require_sound(ladder, [])
    assert [(depth, rung.name, rung.parent) for depth, rung in ladder.walk()] == [
        (0, 'root', None),
        (1, 'child', 'root'),
    ]
    assert ladder.rungs['child'].config['model']['out_channels'] == 8


BROKEN = {
    'parent that does not exist': ("_base_ = './rot.py'", 'names ./rot.py, which does not exist'),
    'no parent': ("model = dict(type='FPN')", 'has no _base_'),
    'no Python': ('_base_ = (', 'cannot be read (SyntaxError'),
    'fails when run': (f"_base_ = './root.py'\nmodel = 1 / 0\n{ABLATION}", 'cannot be read (ZeroDivisionError'),
    'same run': (f"_base_ = './root.py'\nmodel = dict(num_outs=3)\n{ABLATION}", 'resolves to the same run as child'),
    'nothing new': (
        f"_base_ = './root.py'\nmodel = dict(out_channels=8)\n{ABLATION}",
        'sets model.out_channels to what its parent already has',
    ),
    'a helper alone': (
        f"_base_ = './root.py'\ntrain_pipeline = [dict(type='RandomFlip', prob=0.1)]\n{ABLATION}",
        'resolves to the same run as root',
    ),
    'undeclared change': (
        f"_base_ = './root.py'\n_base_.optim_wrapper.optimizer.lr = 7.0\n{ABLATION}",
        'differs from its parent in optim_wrapper.optimizer.lr, which the file does not set',
    ),
    'no words of its own': ("_base_ = './root.py'\nmodel = dict(num_outs=4)", 'does not set ablation.change'),
    'no AP': (
        f"_base_ = './root.py'\nmodel = dict(num_outs=4)\n{ABLATION.replace('22.0', 'True')}",
        'no AP in percent',
    ),
    'unknown key of the model': (f"_base_ = './root.py'\nmodel = dict(num_out=4)\n{ABLATION}", 'model does not build'),
    'unknown model': (f"_base_ = './root.py'\nmodel = dict(type='NPF')\n{ABLATION}", 'NPF is not in'),
    'unknown data set': (
        f"_base_ = './root.py'\ntrain_dataloader = dict(dataset=dict(type='Coca'))\n{ABLATION}",
        "train_dataloader.dataset.type='Coca' is not registered",
    ),
    'unknown key of the data set': (
        f"_base_ = './root.py'\ntrain_dataloader = dict(dataset=dict(anne_file='x'))\n{ABLATION}",
        "CheckedCocoDataset has no argument 'anne_file'",
    ),
    'unknown key of a transform': (
        f"""
        _base_ = './root.py'
        train_dataloader = dict(dataset=dict(pipeline=[dict(type='FixClassGT', stride=4)]))
        {ABLATION}
        """,
        'train_dataloader.dataset.pipeline[0] does not build',
    ),
    'unknown key of the optimizer': (
        f"_base_ = './root.py'\noptim_wrapper = dict(optimizer=dict(momemtum=0.9))\n{ABLATION}",
        "SGD has no argument 'momemtum'",
    ),
    'unknown key of a scheduler': (
        f"_base_ = './root.py'\nparam_scheduler = [dict(type='LinearLR', start=0.1)]\n{ABLATION}",
        "LinearLR has no argument 'start'",
    ),
    'unknown key of the optimizer wrapper': (
        f"_base_ = './root.py'\noptim_wrapper = dict(clip_grads=dict(max_norm=1))\n{ABLATION}",
        "optim_wrapper: OptimWrapper has no argument 'clip_grads'. Near it: clip_grad.",
    ),
    'unknown multiplier': (
        f"_base_ = './root.py'\noptim_wrapper = dict(paramwise_cfg=dict(bias_lr=2))\n{ABLATION}",
        "optim_wrapper.paramwise_cfg has no argument 'bias_lr'",
    ),
    'unknown multiplier of a key': (
        f"_base_ = './root.py'\noptim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(n=dict(lr=2))))\n{ABLATION}",
        "custom_keys['n'] has no argument 'lr'",
    ),
    'unknown key of the loop': (
        f"_base_ = './root.py'\ntrain_cfg = dict(by_epoch=False, max_iter=9)\n{ABLATION}",
        "train_cfg: IterBasedTrainLoop has no argument 'max_iter'",
    ),
    'unknown key of the test': (
        f"_base_ = './root.py'\ntest_cfg = dict(fp61=True)\n{ABLATION}",
        "test_cfg: TestLoop has no argument 'fp61'",
    ),
    'unknown key of a data loader': (
        f"_base_ = './root.py'\ntrain_dataloader = dict(batchsize=2)\n{ABLATION}",
        "train_dataloader has no argument 'batchsize'",
    ),
    'unknown key of a sampler': (
        f"_base_ = './root.py'\ntrain_dataloader = dict(sampler=dict(type='DefaultSampler', shufle=True))\n{ABLATION}",
        "train_dataloader.sampler: DefaultSampler has no argument 'shufle'",
    ),
    'unknown key of a hook': (
        f"_base_ = './root.py'\ncustom_hooks = [dict(type='NumClassCheckHook', strict=True)]\n{ABLATION}",
        "custom_hooks: NumClassCheckHook has no argument 'strict'",
    ),
    'unknown key of a default hook': (
        f"_base_ = './root.py'\ndefault_hooks = dict(logger=dict(type='LoggerHook', intervall=5))\n{ABLATION}",
        "default_hooks.logger: LoggerHook has no argument 'intervall'",
    ),
    'multiplier of no parameter': (
        f"""
        _base_ = './root.py'
        optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(lateral=dict(lr_mult=2), latteral=dict(lr_mult=2))))
        {ABLATION}
        """,
        "custom_keys: no parameter of the model has 'latteral' in its name",
    ),
    'unknown key of clipping': (
        f"_base_ = './root.py'\noptim_wrapper = dict(clip_grad=dict(max_nrm=35))\n{ABLATION}",
        "optim_wrapper.clip_grad has no argument 'max_nrm'",
    ),
    'unknown key of the environment': (
        f"_base_ = './root.py'\nenv_cfg = dict(cudnn_benchmrk=True)\n{ABLATION}",
        "env_cfg has no argument 'cudnn_benchmrk'",
    ),
    'unknown backend': (
        f"""
        _base_ = './root.py'
        visualizer = dict(type='DetLocalVisualizer', vis_backends=[dict(type='TensorbordVisBackend')])
        {ABLATION}
        """,
        "visualizer.vis_backends.type='TensorbordVisBackend' is not registered",
    ),
    'unknown key of the log': (
        f"_base_ = './root.py'\nlog_processor = dict(windowsize=50)\n{ABLATION}",
        "log_processor: LogProcessor has no argument 'windowsize'",
    ),
    'mistyped default hook': (
        f"_base_ = './root.py'\ndefault_hooks = dict(chekpoint=dict(interval=2))\n{ABLATION}",
        'default_hooks.chekpoint has no type; is its name right?',
    ),
    'unknown words': (
        f"_base_ = './root.py'\nmodel = dict(num_outs=4)\n{ABLATION[:-1]}, publised_note='better')",
        'sets ablation.publised_note, which nothing reads',
    ),
    'two rungs': (f"_base_ = ['./root.py', './child.py']\n{ABLATION}", 'a rung inherits one rung, which comes first'),
    'unknown hook': (
        f"_base_ = './root.py'\ncustom_hooks = [dict(type='EMAHok')]\n{ABLATION}",
        "custom_hooks.type='EMAHok' is not registered",
    ),
    'unknown key of the evaluator': (
        f"_base_ = './root.py'\ntest_evaluator = dict(type='CocoMetric', metrics='segm')\n{ABLATION}",
        "test_evaluator: CocoMetric has no argument 'metrics'",
    ),
    'mistyped part': (
        f"_base_ = './root.py'\nmodle = dict(num_outs=4)\n{ABLATION}",
        'sets modle, which nothing reads; correct or remove it. Near it: model',
    ),
    'unknown key of a wrapped data set': (
        f"""
        _base_ = './root.py'
        apples = dict(type='CheckedCocoDataset', annfile='x')
        train_dataloader = dict(dataset=dict(_delete_=True, type='RepeatDataset', times=2, dataset=apples))
        {ABLATION}
        """,
        "train_dataloader.dataset.dataset: CheckedCocoDataset has no argument 'annfile'",
    ),
    'scenes of a child': (
        f"_base_ = './root.py'\nmodel = dict(num_outs=4)\n{ABLATION[:-1]}, scenes='x.py')",
        'sets ablation.scenes, which only a root may',
    ),
    'metrics of a child': (
        f"_base_ = './root.py'\nmodel = dict(num_outs=4)\n{ABLATION[:-1]}, metrics=dict(PQ='x'))",
        'sets ablation.metrics, which only a root may',
    ),
    'no metrics': (f"_base_ = '../base.py'\n{ABLATION[:-1]}, metrics='PQ')", "metrics='PQ' is no dict of metrics"),
    'metrics of another root': (
        f"_base_ = '../base.py'\n{ABLATION[:-1]}, metrics=dict(PQ='coco_panoptic/PQ'))",
        'but the first root by',
    ),
}


@pytest.mark.parametrize(('text', 'message'), BROKEN.values(), ids=BROKEN)
def test_every_mistake_is_named_with_its_file(tmp_path, text, message):
    problems = problems_of(tmp_path, wrong=text)
    assert any(message in problem for problem in problems), problems
    assert all(problem.startswith(f'{tmp_path}/ladder/wrong.py: ') for problem in problems)


def test_all_mistakes_are_listed_and_a_lost_parent_takes_its_children_along(tmp_path):
    orphan = CHILD.replace('root', 'lost')
    problems = problems_of(
        tmp_path, lost="_base_ = './gone.py'", orphan=orphan, child=CHILD.replace('num_outs', 'outs')
    )
    assert len(problems) == 3
    assert any('orphan.py: its parent ./lost.py cannot be read' in problem for problem in problems)


def test_rungs_that_inherit_each_other(tmp_path):
    problems = problems_of(tmp_path, one=CHILD.replace('root', 'two'), two=CHILD.replace('root', 'one'))
    assert len(problems) == 2 and all('cannot be read' in problem for problem in problems)


def test_a_folder_without_configs(tmp_path):
    with pytest.raises(ConfigError, match='no folder with config files'):
        read_ladder(tmp_path)


def test_declared_keys():
    text = """
_base_ = ['a.py']
model = dict(head=dict(scale=1, loss=dict(_delete_=True, type='L')), **more)
data = {'x': {'y': 1}, 'z': []}
first = second = _base_.pipeline
first[0].update(p=1)
plain = dict(a=dict(b=dict()))
"""
    expected = {('model',), ('data', 'x', 'y'), ('data', 'z'), ('first',), ('second',), ('plain', 'a', 'b')}
    assert declared_keys(text) == expected
    assert declared_keys("m = dict(l=dict(_delete_=True, type='L'), k=2)") == {('m', 'l'), ('m', 'k')}


def test_changes_lead_from_one_config_to_the_other():
    old = dict(a=dict(b=1, c=(1, 2)), d=dict(e=1), f=True)
    new = dict(a=dict(b=2, c=[1, 2]), g=dict(h=3), f=1)
    changes = config_changes(old, new)
    assert set(changes) == {('a', 'b'), ('d',), ('g',), ('f',)}
    assert changes['d',].new is ABSENT and changes['g',].old is ABSENT
    apply_changes(old, changes)
    assert config_changes(old, new) == {}
    other = dict(x=0)
    apply_changes(other, {('p', 'q'): changes['a', 'b']})
    assert other == dict(x=0, p=dict(q=2))


def test_new_settings_join_those_that_are_there():
    config = dict(settings=dict(a=1, b=2), part=dict(type='A', a=1))
    apply_changes(config, config_changes({}, dict(settings=dict(b=3, c=4), part=dict(type='B'))))
    assert config == dict(settings=dict(a=1, b=3, c=4), part=dict(type='B'))


def test_metrics_of_the_first_root_are_looked_at_first(tmp_path):
    root = ROOT.replace("'1x'", "'1x', metrics='PQ'")
    problems = problems_of(tmp_path, root=root, child=CHILD, second=ROOT.replace('=8', '=9').replace('20', '21'))
    assert any("root.py: ablation.metrics='PQ' is no dict" in problem for problem in problems)
    assert any("second.py: is compared by {'mask AP'" in problem for problem in problems)


def test_other_metrics_need_no_published_ap(tmp_path):
    root = ROOT.replace('published_ap=20.0', "metrics=dict(PQ='coco_panoptic/PQ')")
    assert problems_of(tmp_path, root=root, child=CHILD.replace('published_ap=21.0, ', '')) == []


def test_which_rungs_train(tmp_path):
    rungs = {
        'tested': TESTED,
        'again': TESTED.replace('child', 'tested').replace('segm', 'bbox'),
        'also': TESTED.replace('ablation', 'model = dict(test_cfg=dict(score_thr=0.1), fusion_head=dict())\nablation'),
        'both': TESTED.replace('ablation', 'model = dict(num_outs=5)\nablation'),
        'below': CHILD.replace('root', 'tested').replace('=3', '=7'),
    }
    ladder = read_ladder(write_ladder(tmp_path, **rungs))
    weights = {name: ladder.trained(rung).name for name, rung in ladder.rungs.items()}
    own = {name: name for name in ('root', 'child', 'both', 'below')}
    assert weights == {**own, 'tested': 'child', 'again': 'child', 'also': 'child'}
    assert all(rung.trains == (weights[name] == name) for name, rung in ladder.rungs.items())


TESTED_ONLY = {
    'solo': {'matrix_nms_1x': 'soloassign_1x'},
    'panoptic': {'islands_learnt_only_1x': 'stuff_islands_1x'}
    | dict.fromkeys(
        (
            *('score_thr_lower_1x', 'score_thr_higher_1x', 'min_visible_lower_1x', 'min_visible_higher_1x'),
            *('min_stuff_area_lower_1x', 'min_stuff_area_higher_1x', 'min_agreement_1x', 'unclaimed_stuff_1x'),
            *('majority_vote_1x', 'semantic_share_1x'),
        ),
        'base_1x',
    ),
}


@pytest.mark.parametrize('name', TESTED_ONLY)
def test_plan_has_every_command(capsys, name):
    ladder = read_ladder(REPOSITORY / f'configs/{name}/ladder')
    print_plan(ladder, gpus=4)
    printed = capsys.readouterr().out
    for rung in ladder.rungs.values():
        weights = TESTED_ONLY[name].get(rung.name)
        test = f'tools/dist_test.sh {rung.path} work_dirs/{weights} 4'
        assert (f'tools/dist_train.sh {rung.path} 4' if weights is None else test) in printed
        assert rung.ablation['change'] in printed
        assert name != 'solo' or f'published {rung.published}' in printed
    first = {'solo': 'seed_1x (1x, published 24.5)', 'panoptic': 'base_1x (1x)'}[name]
    assert printed.splitlines()[1].startswith(f'└── {first}: the start')


@pytest.mark.parametrize('name', ['solo/ladder', 'solo/heads', 'panoptic/ladder', 'recipes/ladder'])
def test_the_real_ladders_pass_the_check(name):
    command = [sys.executable, 'tools/analysis_tools/ladder.py', 'check', f'configs/{name}']
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert 'rungs, no problems' in run.stdout


def test_drafts_are_left_out_with_a_warning(tmp_path, log):
    ladder = read_ladder(write_ladder(tmp_path, draft="_base_ = './rot.py'"))
    warn_of_unread_configs(ladder)
    assert set(ladder.rungs) == {'root', 'child'}
    assert 'left out' in log.text and 'draft.py: _base_ names ./rot.py' in log.text


def test_nothing_but_drafts(tmp_path):
    ladder = read_ladder(write_ladder(tmp_path, root="_base_ = './rot.py'", child=None))
    with pytest.raises(ConfigError, match='1 problem'):
        warn_of_unread_configs(ladder)


def test_a_broken_ladder_ends_with_code_2(tmp_path):
    folder = write_ladder(tmp_path, wrong="_base_ = './rot.py'")
    command = [sys.executable, 'tools/analysis_tools/ladder.py', 'check', str(folder)]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert run.returncode == 2
    assert 'wrong.py: _base_ names ./rot.py' in run.stderr and 'Traceback' not in run.stderr


@pytest.mark.parametrize('name', ['solo_1x', 'solov2_1x', 'decoupled_solo_1x'])
def test_settings_that_no_head_reads(tmp_path, name):
    parent = REPOSITORY / f'configs/solo/heads/{name}.py'
    problems = problems_of(
        tmp_path, root=f"_base_ = '{parent}'\nmodel = dict(test_cfg=dict(score_th=0.2))\n{ABLATION}", child=None
    )
    assert any("model.test_cfg has no setting 'score_th'" in problem for problem in problems), problems


def test_arguments_that_a_hook_passes_on_are_no_mistake(tmp_path):
    hook = "custom_hooks = [dict(type='EMAHook', ema_type='ExpMomentumEMA', momentum=0.0002, update_buffers=True)]"
    assert problems_of(tmp_path, averaged=CHILD.replace('model = dict(num_outs=3)', hook)) == []


def test_a_helper_of_another_name_is_no_mistake(tmp_path):
    lines = (
        'pipe = _base_.train_pipeline\npipe[0].update(prob=0.1)\ntrain_dataloader = dict(dataset=dict(pipeline=pipe))'
    )
    assert problems_of(tmp_path, flipped=CHILD.replace('model = dict(num_outs=3)', lines)) == []


def test_a_second_root_without_scenes_is_named(tmp_path):
    root = ROOT.replace("'1x'", "'1x', scenes='../base.py'")
    (problem,) = problems_of(tmp_path, root=root, child=CHILD, stray=ROOT.replace('=8', '=9').replace('20', '21'))
    assert 'stray.py: is a root beside root' in problem and 'inherit a rung, or set ablation.scenes' in problem


def test_a_mistake_is_said_once_though_the_scenes_have_it_too(tmp_path):
    root = ROOT.replace("'1x'", "'1x', scenes='../base.py'")
    problems = problems_of(tmp_path, root=root, child=CHILD, wrong=CHILD.replace('num_outs=3', 'num_out=4'))
    assert len(problems) == 1 and 'model does not build' in problems[0]
