"""Trains small ladders for real: subprocesses of tools/train.py and tools/test.py."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch

from mmdet_panseg.datasets.errors import MissingDataError
from mmdet_panseg.errors import ConfigError
from mmdet_panseg.ladder import (
    RunSettings,
    RunsFailedError,
    compare_rungs,
    plan_jobs,
    read_ladder,
    read_results,
    run_jobs,
)
from mmdet_panseg.ladder.runs import processes
from mmdet_panseg.ladder.runs.processes import end_processes
from repository import HELPERS, REPOSITORY
from toy_run import toy_config

RUNG = """
_base_ = '{base}'
optim_wrapper = dict(optimizer=dict(lr={lr}))
ablation = dict(change='learning rate {lr}', published_ap=None, schedule='1x')
"""
TESTED = """
_base_ = './root.py'
test_dataloader = dict(dataset=dict(length=3))
ablation = dict(change='three images', published_ap=None, schedule='1x')
"""


@pytest.fixture
def toy_ladder(tmp_path, monkeypatch):
    """A root and a child that train the toy model, and a rung that tests the root's; ``ladder.py`` finds its parts."""
    paths = [REPOSITORY, HELPERS]
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(map(str, paths)))
    monkeypatch.setenv('OMP_NUM_THREADS', '1')

    def write(iterations):
        base = toy_config(
            tmp_path / 'unused',
            iterations=iterations,
            save_every=10,
            custom_imports=dict(imports=['mmdet_panseg', 'toy_run', 'ladder_toy']),
            test_dataloader=dict(
                dataset=dict(type='ToyDataset', length=4),
                sampler=dict(type='DefaultSampler', shuffle=False),
                batch_size=2,
                num_workers=0,
            ),
            test_cfg=dict(type='TestLoop'),
            test_evaluator=dict(type='ToyAP'),
        )
        (tmp_path / 'base.py').write_text(base.pretty_text)
        folder = tmp_path / 'ladder'
        folder.mkdir()
        (folder / 'root.py').write_text(RUNG.format(base='../base.py', lr=0.01))
        (folder / 'child.py').write_text(RUNG.format(base='./root.py', lr=0.02))
        (folder / 'tested.py').write_text(TESTED)
        return folder

    return write


@pytest.fixture
def use_command(monkeypatch):
    """Let runs start other code than ``panseg``."""
    return lambda code: monkeypatch.setattr(processes, 'COMMAND', (sys.executable, '-c', code))


def command(name, folder, work_dir, *arguments):
    tool = str(REPOSITORY / 'tools/analysis_tools/ladder.py')
    return [sys.executable, tool, name, str(folder), '--data', 'own', '--work-dir', str(work_dir), *arguments]


def logged_iterations(work_dir, run):
    """Iterations in the logs of each start of a run."""
    logs = sorted((work_dir / run).glob('*/vis_data/scalars.json'))
    records = [[json.loads(line) for line in log.read_text().splitlines()] for log in logs]
    return [[record['iter'] for record in start if 'iter' in record] for start in records]


def test_a_run_leaves_its_result(toy_ladder, tmp_path):
    ladder = read_ladder(toy_ladder(8))
    work_dir = tmp_path / 'runs'
    jobs = plan_jobs(ladder, work_dir, 1, RunSettings('own', 4), only=['root'])
    run_jobs(jobs)
    (result,) = read_results(work_dir)
    ap = result.value('coco/segm_mAP')
    assert (result.rung, result.seed, result.root_iterations) == ('root', 0, 4)
    assert result.metrics == {'coco/segm_mAP': ap} and ap > 0
    assert result.versions['torch'] and result.rung_digest == jobs[0].rung_digest
    assert logged_iterations(work_dir, 'root/seed0') == [[1, 2, 3, 4]]
    config = json.loads(next((work_dir / 'root/seed0').glob('run_train_*.json')).read_text())['config']
    assert config['randomness']['seed'] == 0 and config['optim_wrapper']['optimizer']['lr'] == 0.01

    run_jobs(jobs)  # nothing is missing, so no tool is started
    longer = plan_jobs(ladder, work_dir, 1, RunSettings('own', 6), only=['root'])
    with pytest.raises(ConfigError, match='other settings'):
        run_jobs(longer)


def test_a_rung_that_only_tests_has_the_weights_of_its_parent(toy_ladder, tmp_path):
    work_dir = tmp_path / 'runs'
    ladder = read_ladder(toy_ladder(8))
    jobs = plan_jobs(ladder, work_dir, 1, RunSettings('own', 4), only=['tested'])
    assert [(job.name, job.iterations) for job in jobs] == [('root/seed0', 4), ('tested/seed0', 0)]
    run_jobs(jobs, processes=2)
    tested, root = (
        next(result for result in read_results(work_dir) if result.rung == name) for name in ('tested', 'root')
    )
    assert tested.root_iterations == root.root_iterations == 4 and tested.rung_digest != root.rung_digest
    assert tested.value('coco/segm_mAP') != root.value('coco/segm_mAP')
    assert logged_iterations(work_dir, 'tested/seed0') == [] and not list(work_dir.glob('tested/seed0/*.pth'))
    record = json.loads((work_dir / 'tested/seed0/test/test_metrics.json').read_text())
    assert record['checkpoint'] == str(work_dir / 'root/seed0/iter_4.pth')

    (work_dir / 'tested/seed0/result.json').unlink()
    for checkpoint in work_dir.glob('root/seed0/*.pth'):
        checkpoint.unlink()
    with pytest.raises(RunsFailedError, match='tested/seed0: tests the last checkpoint of root/seed0, .*result.json'):
        run_jobs(jobs)  # no tool is started


def test_a_run_that_fails_is_named_at_the_end(toy_ladder, tmp_path):
    folder = toy_ladder(4)
    broken = RUNG.format(base='./root.py', lr=0.01) + 'train_dataloader = dict(dataset=dict(poison=0))\n'
    (folder / 'broken.py').write_text(broken)
    (folder / 'in_vain.py').write_text(TESTED.replace('root', 'broken'))
    jobs = plan_jobs(read_ladder(folder), tmp_path / 'runs', 1, RunSettings('own', 40), ['in_vain'])
    with pytest.raises(RunsFailedError, match='broken/seed0: error: .*the loss is not finite') as failed:
        run_jobs(jobs)
    assert str(failed.value).endswith('in_vain/seed0: not tested, since the training of broken/seed0 has failed')
    with pytest.raises(ConfigError, match='no results'):
        read_results(tmp_path / 'runs')


@pytest.mark.parametrize(('key', 'name'), [('train_dataloader', 'root'), ('test_dataloader', 'tested')])
def test_missing_data_are_named_before_the_first_run(toy_ladder, tmp_path, key, name):
    folder = toy_ladder(4)
    remedy = f"data_remedy = dict(folder='{tmp_path}/apples', text='Pick some.')\n"
    dataset = f"{key} = dict(dataset=dict(data_root='{tmp_path}/apples', ann_file='all.json'))\n"
    (folder / f'{name}.py').write_text((folder / f'{name}.py').read_text() + dataset + remedy)
    jobs = plan_jobs(read_ladder(folder), tmp_path / 'runs', 1, RunSettings('own'), ['child', 'tested'])
    with pytest.raises(MissingDataError, match=f"{name}/seed0: {key}.*/apples/all.json' does not exist. Pick some."):
        run_jobs(jobs)
    assert not (tmp_path / 'runs').exists()


@pytest.mark.parametrize(
    'code, words',
    [
        ('import os; os.kill(os.getpid(), 9)', 'ended by signal SIGKILL'),
        ('print("error: second"); print("the end"); exit(1)', 'error: second'),
        ('print("the end"); exit(1)', 'the end'),
        ('exit(1)', 'it printed nothing'),
    ],
)
def test_the_last_words_are_of_the_last_start(toy_ladder, tmp_path, use_command, code, words):
    jobs = plan_jobs(read_ladder(toy_ladder(4)), tmp_path / 'runs', 1, RunSettings('own', 4), ['root'])
    use_command(code)
    jobs[0].folder.mkdir(parents=True)
    (jobs[0].folder / 'train.log').write_text('error: first\n')
    with pytest.raises(RunsFailedError, match=f'root/seed0: {words} '):
        run_jobs(jobs)


def test_a_run_that_never_began_gives_way(toy_ladder, tmp_path, use_command):
    ladder, work_dir = read_ladder(toy_ladder(4)), tmp_path / 'runs'
    use_command('exit(1)')
    for length in (4, 2):  # the second has other settings
        (job,) = plan_jobs(ladder, work_dir, 1, RunSettings('own', length), ['root'])
        with pytest.raises(RunsFailedError, match='it printed nothing'):
            run_jobs([job])
        assert f'max_iters={length}' in job.config_path.read_text() and job.iterations_done() == 0
        log = job.folder / 'start/vis_data/scalars.json'
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(json.dumps(dict(iter=1, time=1.0)))
        assert job.iterations_done() == 1
    torch.save(dict(state_dict={}), job.folder / 'iter_1.pth')
    with pytest.raises(ConfigError, match='other settings'):
        run_jobs(plan_jobs(ladder, work_dir, 1, RunSettings('own', 3), ['root']))


def test_a_config_that_was_edited_in_its_folder_is_not_run(toy_ladder, tmp_path):
    (job,) = plan_jobs(read_ladder(toy_ladder(4)), tmp_path / 'runs', 1, RunSettings('own', 4), ['root'])
    job.prepare_folder()
    written = job.config_path.read_text()
    torch.save(dict(state_dict={}), job.folder / 'iter_1.pth')
    job.config_path.write_text(f"{written}\nprint('code of the folder')\n")
    job.require_same_settings()
    job.prepare_folder()
    assert job.config_path.read_text() == written


@pytest.mark.slow
def test_interrupted_and_resumed(toy_ladder, tmp_path):
    folder, work_dir = toy_ladder(1000), tmp_path / 'runs'
    run = command('run', folder, work_dir, '--seeds', '2', '--jobs', '2', '--only', 'root', 'child')
    process = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None and not reached(work_dir, 100):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert (
        b'interrupted after 0 of 4 runs; the same command goes on from here.' in errors and b'Traceback' not in errors
    )
    assert not [line for line in running_commands() if str(work_dir) in line]
    assert not list(work_dir.glob('*/seed*/result.json'))

    again = subprocess.run(run, capture_output=True, text=True, timeout=300)
    assert again.returncode == 0, again.stderr
    results = read_results(work_dir)
    assert sorted((result.rung, result.seed) for result in results) == [
        ('child', 0), ('child', 1), ('root', 0), ('root', 1)
    ]  # fmt: skip
    first, second = logged_iterations(work_dir, 'root/seed0')
    assert first[-1] < 1000 and first[-1] - 50 < second[0] and second[-1] == 1000
    assert second[0] > 50
    assert len({result.value('coco/segm_mAP') for result in results}) == 4

    rows = {row.rung.name: row for row in compare_rungs(read_ladder(folder), results)}
    assert rows['child'].difference is not None and len(rows['root'].main) == 2
    table = subprocess.run(command('table', folder, work_dir), capture_output=True, text=True)
    assert table.returncode == 0 and (work_dir / 'ladder.png').exists(), table.stderr


def reached(work_dir, iteration):
    """Whether the first start of the root's first run has logged an iteration, and left a checkpoint."""
    logs = logged_iterations(work_dir, 'root/seed0')
    return bool(logs and logs[0] and logs[0][-1] >= iteration and (work_dir / 'root/seed0/last_checkpoint').exists())


def running_commands() -> list[str]:
    """Command lines of all processes."""
    return subprocess.run(['ps', '-eo', 'args'], capture_output=True, text=True, check=True).stdout.splitlines()


class StubbornProcess:
    """A process that does not end when it is asked to."""

    def __init__(self):
        code = 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)'
        self.process = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE)
        self.process.stdout.readline()

    def signal(self, number):
        self.process.send_signal(number)

    def ended(self):
        return self.process.poll() is not None


def test_a_second_interruption_ends_the_patience():
    stubborn = StubbornProcess()
    second = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    second.start()
    end_processes([stubborn], patience=600)
    assert stubborn.process.wait(timeout=10) == -signal.SIGKILL
    second.join()
    stubborn.process.stdout.close()
