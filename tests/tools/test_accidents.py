"""Interrupted, crowded out and without room: a training ends in one line, and nothing is lost."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time

import pytest
import torch

from mmdet_panseg.engine import load_checkpoint_safely
from repository import REPOSITORY
from toy_run import write_toy_config

TRAIN = str(REPOSITORY / 'tools' / 'train.py')


@pytest.fixture
def start(tool_environment):
    """Begin trainings, whose logs are ``out.txt`` beside their configs, and leave none behind."""
    started = []

    def run(config, *arguments, **options):
        with open(config.parent / 'out.txt', 'w') as output:
            command = [sys.executable, TRAIN, config.name, *arguments]
            shared = dict(cwd=config.parent, env=tool_environment, stdout=output, stderr=output)
            started.append(subprocess.Popen(command, start_new_session=True, **shared, **options))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()


def write_config(folder, iterations, save_every=100_000, **model):
    hooks = dict(
        checkpoint=dict(type='AtomicCheckpointHook', by_epoch=False, interval=save_every),
        logger=dict(type='LoggerHook', interval=1),
    )
    settings = dict(default_hooks=hooks, log_level='INFO', model=dict(type='ToyModel', **model))
    return write_toy_config(folder, iterations=iterations, **settings)


def said(config):
    return (config.parent / 'out.txt').read_text()


def wait_for(words, config, process):
    deadline = time.monotonic() + 120
    while words not in said(config):
        assert process.poll() is None and time.monotonic() < deadline, said(config)
        time.sleep(0.02)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_checkpoint_to_go_on_from(tmp_path, start, number):
    config = write_config(tmp_path, 100_000)
    process = start(config)
    wait_for('Iter(train) [', config, process)
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    last = said(config).splitlines()[-1]
    reached = load_checkpoint_safely((tmp_path / 'run' / 'last_checkpoint').read_text())['meta']['iter']
    assert reached > 0 and 'Traceback' not in said(config)
    assert last.startswith(f'interrupted: at iteration {reached}; ')
    assert f'toy.py --resume goes on from iter_{reached}.pth' in last


@pytest.mark.slow
def test_an_interrupted_training_ends_as_one_that_never_was(tmp_path, start):
    config = write_config(tmp_path, 400)
    process = start(config)
    wait_for('Iter(train) [', config, process)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert start(config, '--resume').wait(120) == 0, said(config)
    other = tmp_path / 'other'
    other.mkdir()
    whole = write_config(other, 400)
    assert start(whole).wait(120) == 0
    ends = [load_checkpoint_safely(folder / 'run' / 'iter_400.pth')['state_dict'] for folder in (tmp_path, other)]
    for name, value in ends[1].items():
        torch.testing.assert_close(ends[0][name], value, rtol=0, atol=0)


def test_two_trainings_in_one_folder(tmp_path, start):
    config = write_config(tmp_path, 100_000)
    first = start(config)
    wait_for('Iter(train) [', config, first)
    assert start(config, '--resume').wait(60) == 2 and 'Traceback' not in said(config)
    assert f'another training (process {first.pid}) is writing there' in said(config)
    assert first.poll() is None
    first.kill()
    first.wait()
    # The lock has gone with its process.
    again = start(config, '--cfg-options', 'train_cfg.max_iters=2')
    assert again.wait(60) == 0, said(config)


def test_no_room_for_a_checkpoint(tmp_path, start):
    config = write_config(tmp_path, 2, save_every=1, ballast=1_000_000)
    assert start(config).wait(60) == 0

    def limit_file_sizes():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    options = ('--resume', '--cfg-options', 'train_cfg.max_iters=4')
    assert start(config, *options, preexec_fn=limit_file_sizes).wait(60) == 2
    error = next(line for line in said(config).splitlines() if line.startswith('error'))
    assert 'iter_3.pth cannot be written (File too large); the last one is' in error and 'iter_2.pth' in error
    assert 'Traceback' not in said(config)
    assert {path.name for path in (tmp_path / 'run').glob('*.pth')} == {'iter_1.pth', 'iter_2.pth'}


def test_a_work_dir_that_is_a_file(tmp_path, call_tool):
    config = write_toy_config(tmp_path, iterations=2)
    (tmp_path / 'run').write_text('')
    run = call_tool('train.py', config)
    assert run.returncode == 2 and 'run: cannot be written (File exists); name another folder' in run.stderr


@pytest.mark.parametrize('loss', ['sound', 'infinite'])
def test_a_training_gives_the_signals_back(tmp_path, call_tool, loss):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    config = write_config(tmp_path, 2)
    options = [] if loss == 'sound' else ['--cfg-options', 'optim_wrapper.optimizer.lr=1e30']
    run = call_tool('train.py', config, *options)
    assert run.returncode == (0 if loss == 'sound' else 1), run.stderr
    assert ('the loss is not finite' in run.stderr) == (loss == 'infinite')
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
