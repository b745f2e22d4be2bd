"""``tools/train.py`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from mmdet_panseg.engine import load_checkpoint_safely
from repository import REPOSITORY
from toy_run import write_toy_config


def test_trains_and_resumes(run_tool, tmp_path):
    config = write_toy_config(tmp_path, iterations=4)
    first = run_tool('train.py', config, '--amp', '--channels-last', '--cfg-options', 'log_levle=INFO')
    assert first.returncode == 0, first.stderr
    assert "the config has no key 'log_levle', so this adds it; the nearest key is log_level" in first.stdout
    work_dir = tmp_path / 'run'
    (record,) = (json.loads(path.read_text()) for path in work_dir.glob('run_train_*.json'))
    assert record['arguments']['amp'] is True and record['config']['train_cfg']['max_iters'] == 4
    assert 'torch' in record['versions']
    hooks = [hook['type'] for hook in record['config']['custom_hooks']]
    assert {'NonFiniteLossHook', 'CheckpointMatchHook', 'ChannelsLastHook'} <= set(hooks)

    options = ('train_cfg.max_iters=8', 'log_level=INFO')
    # with the config that the first one wrote
    second = run_tool('train.py', work_dir / config.name, '--resume', '--cfg-options', *options)
    assert second.returncode == 0, second.stderr
    assert 'resumed epoch: 0, iter: 4' in second.stdout
    last = load_checkpoint_safely((work_dir / 'last_checkpoint').read_text())
    assert last['meta']['iter'] == 8
    assert sorted(path.name for path in work_dir.glob('*.pth')) == ['iter_6.pth', 'iter_8.pth']


def test_resume_without_a_checkpoint_says_so(call_tool, tmp_path):
    config = write_toy_config(tmp_path, iterations=1)
    run = call_tool('train.py', config, '--resume')
    assert run.returncode == 0, run.stderr
    assert 'training starts from the beginning' in run.stdout
    assert (tmp_path / 'run' / 'iter_1.pth').exists()


def test_user_errors_are_short(run_tool, tmp_path):
    config = write_toy_config(tmp_path)
    run = run_tool('train.py', 'toi.py')
    assert run.returncode == 2
    assert run.stderr.splitlines()[-1] == f'error: toi.py: no such config file. Near it: {config.name}.'
    assert 'Traceback' not in run.stderr


@pytest.mark.parametrize(
    ('option', 'parts'),
    [
        ('model.type=ToyModell', ["model.type='ToyModell' is not registered", 'Near it: ToyModel']),
        ('model.ballst=3', ["model: ToyModel has no argument 'ballst'", 'Near it: ballast']),
        ('train_cfg.max_iter=4', ["train_cfg: IterBasedTrainLoop has no argument 'max_iter'", 'Near it: max_iters']),
    ],
)
def test_typing_errors_in_configs_are_short(call_tool, tmp_path, option, parts):
    run = call_tool('train.py', write_toy_config(tmp_path), '--cfg-options', option)
    assert run.returncode == 2 and 'Traceback' not in run.stderr
    assert all(part in run.stderr for part in parts), run.stderr


def test_missing_data_says_how_to_get_it(call_tool, tmp_path):
    data = dict(type='CheckedCocoDataset', data_root='scenes/', ann_file='train.json', data_prefix=dict(img=''))
    loader = dict(dataset=data, sampler=dict(type='InfiniteSampler'), batch_size=1, num_workers=0)
    for folder in ('scenes/', 'others/'):
        settings = dict(train_dataloader=loader, data_remedy=dict(folder=folder, text='Run make_them.py.'))
        run = call_tool('train.py', write_toy_config(tmp_path, **settings))
        assert run.returncode == 2 and "'scenes/train.json' does not exist" in run.stderr
        assert ('Run make_them.py.' in run.stderr) == (folder == 'scenes/')


def test_long_lists_are_in_the_log_file_alone(run_tool, tmp_path):
    sgd = dict(type='SGD', lr=0.05)
    wrapper = dict(type='OptimWrapper', optimizer=sgd, paramwise_cfg=dict(bias_lr_mult=2))
    run = run_tool('train.py', write_toy_config(tmp_path, iterations=12, optim_wrapper=wrapper, log_level='INFO'))
    assert run.returncode == 0, run.stderr
    printed = run.stdout + run.stderr
    (log,) = (tmp_path / 'run').glob('*/*.log')
    for text in ('Hooks will be executed', 'System environment', "type='ToyModel'", 'paramwise_options'):
        assert text in log.read_text() and text not in printed
    assert str(log.parent) in printed
    first_loss = next(number for number, line in enumerate(printed.splitlines(), 1) if 'Iter(train)' in line)
    assert first_loss <= 40


def test_mmdets_optional_packages_are_not_spoken_of(run_tool):
    run = run_tool('train.py', '--help')
    printed = run.stdout + run.stderr
    assert 'usage:' in printed and 'OneDL' not in printed and 'faster_coco_eval' not in printed


def test_non_finite_loss_ends_the_run(run_tool, tmp_path):
    config = write_toy_config(tmp_path, save_every=1)
    options = ('train_dataloader.dataset.poison=5', 'train_dataloader.sampler.shuffle=False')
    run = run_tool('train.py', config, '--cfg-options', *options)
    assert run.returncode == 1
    assert 'the loss is not finite' in run.stderr and '5 (images/5.jpg)' in run.stderr
    assert 'Traceback' not in run.stderr
    (log,) = (tmp_path / 'run').glob('*/*.log')
    assert 'the loss is not finite' in log.read_text()
    for path in (tmp_path / 'run').glob('*.pth'):
        assert all(torch.isfinite(value).all() for value in load_checkpoint_safely(path)['state_dict'].values())


@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh', 'slurm_test.sh'])
def test_scripts_tell_their_usage(run_tool, script):
    run = run_tool(script, 'config.py')
    assert run.returncode == 2 and f'Usage: {script} ' in run.stderr


def test_slurm_scripts_pass_arguments_on(run_tool, tool_environment, tmp_path):
    fake = tmp_path / 'srun'
    fake.write_text('#!/bin/sh\nfor argument in "$@"; do echo "[$argument]"; done; echo "$PYTHONPATH"')
    fake.chmod(0o755)
    path = f'{tmp_path}:{tool_environment["PATH"]}'
    run = run_tool('slurm_train.sh', 'part', 'job', 'a b.py', 'work', '--cfg-options', 'x="1 2"', PATH=path)
    assert run.returncode == 0, run.stderr
    for argument in ('-p', 'part', '--job-name=job', 'a b.py', '--work-dir=work', '--launcher=slurm', 'x="1 2"'):
        assert f'[{argument}]' in run.stdout
    assert '[--gres=gpu:8]' in run.stdout
    assert Path(run.stdout.splitlines()[-1].split(':')[0]).resolve() == REPOSITORY
    cpu = run_tool('slurm_test.sh', 'part', 'job', 'c.py', 'c.pth', PATH=path, GPUS='4', GPUS_PER_NODE='0')
    assert '[--ntasks=4]' in cpu.stdout and 'gres' not in cpu.stdout and '[c.pth]' in cpu.stdout
