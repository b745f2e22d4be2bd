"""Several processes on a machine without a GPU."""

from __future__ import annotations

import json
import os
import re

import pytest
import torch

from toy_run import write_echo_config, write_toy_config

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason='with a GPU the processes use nccl')


def test_two_processes_train_one_model(run_tool, tmp_path):
    folder = tmp_path / 'a folder'
    folder.mkdir()
    hooks = [dict(type='ReportProcessesHook')]
    config = write_toy_config(folder, iterations=4, custom_hooks=hooks)
    work_dir = folder / 'a  run'
    run = run_tool('dist_train.sh', config, 2, '--work-dir', work_dir, '--channels-last', OMP_NUM_THREADS='')
    assert run.returncode == 0, run.stderr
    assert 'Grad strides do not match' not in run.stderr
    report = json.loads((work_dir / 'processes.json').read_text())
    assert report['spread'] == 0
    assert report['world_size'] == 2 and report['backend'] == 'gloo'
    assert report['wrapper'] == 'MMDistributedDataParallel'
    assert report['threads'] == max(len(os.sched_getaffinity(0)) // 2, 1)
    assert (work_dir / 'iter_4.pth').exists()


def test_two_processes_test_one_model(run_tool, tmp_path):
    config = write_echo_config(tmp_path, miss=(3,))
    torch.save(dict(state_dict=dict(weight=torch.ones(3))), tmp_path / 'weights.pth')
    run = run_tool('dist_test.sh', config, tmp_path / 'weights.pth', 2)
    assert run.returncode == 0, run.stderr
    metrics = json.loads((tmp_path / 'test' / 'test_metrics.json').read_text())['metrics']
    assert metrics['coco/segm_mAP'] == pytest.approx(0.75, abs=0.01)


def test_non_finite_loss_of_one_process_ends_all(run_tool, tmp_path):
    config = write_toy_config(tmp_path, iterations=50)
    options = ('train_dataloader.dataset.poison=5', 'train_dataloader.sampler.shuffle=False')
    run = run_tool('dist_train.sh', config, 2, '--cfg-options', *options)
    assert run.returncode == 1
    assert run.stderr.count('the loss is not finite') == 1
    assert re.search(r'images of the batch in process 1: .*5 \(images/5.jpg\)', run.stderr)
    assert 'train_step' not in run.stderr  # no traceback of a process that lost the other
    (log,) = (tmp_path / 'run').glob('*/*.log')
    assert 'the loss is not finite' in log.read_text()


def test_number_of_processes_is_checked(run_tool):
    run = run_tool('dist_train.sh', 'config.py', 'two')
    assert run.returncode == 2 and "'two'" in run.stderr
