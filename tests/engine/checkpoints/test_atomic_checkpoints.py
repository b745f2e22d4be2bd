"""Whatever interrupts writing, the last complete checkpoint stays."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.fileio import LocalBackend, get_file_backend
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.registry import METRICS
from mmengine.runner import Runner

from mmdet_panseg.engine import (
    AtomicCheckpointHook,
    CheckpointError,
    find_resume_checkpoint,
    load_checkpoint_safely,
    write_atomically,
)
from mmdet_panseg.engine.checkpoints import is_complete, prepare_work_dir_for_resume
from mmdet_panseg.engine.training import set_resume_checkpoint


def names(folder, pattern='*.pth'):
    return sorted(path.name for path in Path(folder).glob(pattern))


@pytest.mark.parametrize('broken', ['replace', 'fsync'])
def test_failed_write_leaves_the_old_content(tmp_path, monkeypatch, broken):
    path = tmp_path / 'file'
    write_atomically(b'old', path)

    def fail(*arguments):
        raise OSError('disk full')

    monkeypatch.setattr(os, broken, fail)
    with pytest.raises(OSError, match='disk full'):
        get_file_backend(backend_args=dict(backend='atomic_local')).put(b'new', path)
    monkeypatch.undo()
    assert path.read_bytes() == b'old' and os.listdir(tmp_path) == ['file']
    get_file_backend(backend_args=dict(backend='atomic_local')).put_text('new', path)
    assert path.read_text() == 'new'


def _write_forever(path):
    for number in range(10**9):
        write_atomically(bytes([number % 256]) * 2_000_000, path)


def test_killed_writer_leaves_a_whole_file(tmp_path):
    path = tmp_path / 'file'
    write_atomically(b'\x00' * 2_000_000, path)
    context = multiprocessing.get_context('fork')
    for _ in range(12):
        writer = context.Process(target=_write_forever, args=(path,))
        writer.start()
        time.sleep(random.uniform(0.02, 0.2))
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        content = path.read_bytes()
        assert content == content[:1] * 2_000_000
    assert content[:1] != b'\x00'
    prepare_work_dir_for_resume(tmp_path)
    assert os.listdir(tmp_path) == ['file']


@pytest.mark.parametrize('broken', ['torch.save', 'os.replace'])
def test_failed_checkpoint_leaves_the_previous_one(toy_config, monkeypatch, broken):
    runner = Runner.from_cfg(
        toy_config(
            default_hooks=dict(
                checkpoint=dict(type='AtomicCheckpointHook', by_epoch=False, interval=2, max_keep_ckpts=1)
            )
        )
    )
    module = torch if broken == 'torch.save' else os
    name = broken.split('.')[1]
    original, calls = getattr(module, name), []

    def fail_later(*arguments, **keywords):
        calls.append(arguments)
        if len(calls) > (1 if broken == 'torch.save' else 2):  # a checkpoint is one save, two renames
            if broken == 'torch.save':
                arguments[1].write(b'half')
            raise OSError('killed')
        return original(*arguments, **keywords)

    monkeypatch.setattr(module, name, fail_later)
    with pytest.raises(
        CheckpointError, match=r'iter_4\.pth cannot be written \(killed\); the last one is .*iter_2\.pth'
    ):
        runner.train()
    monkeypatch.undo()
    assert names(runner.work_dir) == ['iter_2.pth']
    found = find_resume_checkpoint(runner.work_dir)
    assert found == f'{runner.work_dir}/iter_2.pth'
    assert load_checkpoint_safely(found)['meta']['iter'] == 2


class WatchFolder(Hook):
    """Notes, at each save, which checkpoints are there while the new one is not."""

    priority = 'LOWEST'

    def __init__(self):
        self.seen = []

    def before_save_checkpoint(self, runner, checkpoint):
        self.seen.append(names(runner.work_dir))


def test_old_checkpoints_go_after_the_new_one_is_there(toy_config):
    runner = Runner.from_cfg(toy_config(iterations=8))
    watch = WatchFolder()
    runner.register_hook(watch)
    runner.train()
    assert watch.seen == [[], ['iter_2.pth'], ['iter_2.pth', 'iter_4.pth'], ['iter_4.pth', 'iter_6.pth']]
    assert names(runner.work_dir) == ['iter_6.pth', 'iter_8.pth']
    assert Path(runner.work_dir, 'last_checkpoint').read_text() == f'{runner.work_dir}/iter_8.pth'


@METRICS.register_module(force=True)
class ScriptedScore(BaseMetric):
    """Gives the scores of a list, one after the other."""

    def __init__(self, scores):
        super().__init__()
        self.scores = list(scores)

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        return dict(score=self.scores.pop(0))


def best_settings(scores):
    hook = dict(
        type='AtomicCheckpointHook', by_epoch=False, interval=1, max_keep_ckpts=1, save_best='score', rule='greater'
    )
    loader = dict(
        dataset=dict(type='ToyDataset', length=2),
        sampler=dict(type='DefaultSampler', shuffle=False),
        batch_size=2,
        num_workers=0,
    )
    return dict(
        iterations=len(scores),
        default_hooks=dict(checkpoint=hook),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=len(scores), val_interval=1),
        val_dataloader=loader,
        val_cfg=dict(type='ValLoop'),
        val_evaluator=dict(type='ScriptedScore', scores=scores),
    )


def test_best_checkpoint_is_replaced_after_the_better_one_is_there(toy_config):
    runner = Runner.from_cfg(toy_config(**best_settings([1.0, 2.0, 0.0, 3.0])))
    watch = WatchFolder()
    runner.register_hook(watch)
    runner.train()
    best = [[name for name in seen if name.startswith('best')] for seen in watch.seen]
    first, second, third = ([f'best_score_iter_{number}.pth'] for number in (1, 2, 4))
    # saved at each iteration, then as best, then again with the best one's name in it
    assert best == [[], [], first, first, first, first + second, second, second, second, second + third]
    assert [name for name in names(runner.work_dir) if name.startswith('best')] == third
    assert names(runner.work_dir, 'iter*') == ['iter_4.pth']


@pytest.mark.parametrize('others_saved', [True, False])
def test_a_better_score_at_the_same_iteration_keeps_its_file(toy_config, others_saved):
    config = toy_config(**best_settings([1.0]))
    config.default_hooks.checkpoint.update(interval=1 if others_saved else -1, save_last=others_saved)
    runner = Runner.from_cfg(config)
    runner.train()
    (hook,) = (hook for hook in runner._hooks if isinstance(hook, AtomicCheckpointHook))
    hook.after_val_epoch(runner, dict(score=2.0))
    best = load_checkpoint_safely(f'{runner.work_dir}/best_score_iter_1.pth')
    assert best['message_hub']['runtime_info']['best_score'] == 2.0


def test_what_a_kill_kept_from_being_deleted_is_deleted_on_resume(toy_config, monkeypatch):
    settings = best_settings([1.0, 2.0, 3.0])
    runner = Runner.from_cfg(toy_config(**settings))

    def die(self, path):
        raise KeyboardInterrupt

    monkeypatch.setattr(LocalBackend, 'remove', die)
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    monkeypatch.undo()
    left = names(runner.work_dir)
    assert left == ['best_score_iter_1.pth', 'iter_1.pth', 'iter_2.pth']
    config = toy_config(**best_settings([2.0, 3.0, 3.0]))
    set_resume_checkpoint(config, 'auto')
    config.val_evaluator.scores = [5.0]
    Runner.from_cfg(config).train()
    assert names(runner.work_dir) == ['best_score_iter_3.pth', 'iter_3.pth']


def test_resumed_run_ends_as_an_uninterrupted_one(toy_config, tmp_path):
    whole = Runner.from_cfg(toy_config(iterations=8))
    expected = whole.train().state_dict()
    Path(whole.work_dir, 'iter_8.pth').unlink()
    moved = tmp_path / 'moved'
    shutil.move(whole.work_dir, moved)
    config = toy_config(iterations=8, work_dir=moved)
    set_resume_checkpoint(config, 'auto')
    assert config.load_from == str(moved / 'iter_6.pth') and config.resume
    resumed = Runner.from_cfg(config)
    found = resumed.train().state_dict()
    assert resumed.iter == 8
    assert all(torch.equal(found[key], expected[key]) for key in expected)


def checkpoint(path, seconds):
    torch.save(dict(state_dict=dict(a=torch.rand(2000))), path)
    os.utime(path, (seconds, seconds))


def test_resume_finds_the_last_complete_checkpoint(tmp_path):
    assert find_resume_checkpoint(tmp_path / 'none') is None
    assert find_resume_checkpoint(tmp_path) is None
    for number in (10, 20, 30):
        checkpoint(tmp_path / f'iter_{number}.pth', number)
    checkpoint(tmp_path / 'best_score_iter_40.pth', 40)
    record = tmp_path / 'last_checkpoint'
    record.write_text('/elsewhere/iter_20.pth\n')
    assert find_resume_checkpoint(tmp_path) == str(tmp_path / 'iter_20.pth')
    record.write_text('/elsewhere/iter_50.pth')
    assert find_resume_checkpoint(tmp_path) == str(tmp_path / 'iter_30.pth')
    content = (tmp_path / 'iter_30.pth').read_bytes()
    (tmp_path / 'iter_30.pth').write_bytes(content[:-100])
    record.write_text(str(tmp_path / 'iter_30.pth'))
    assert find_resume_checkpoint(tmp_path) == str(tmp_path / 'iter_20.pth')
    middle = len(content) // 2
    damaged = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    (tmp_path / 'iter_20.pth').write_bytes(damaged)
    assert not is_complete(tmp_path / 'iter_20.pth')
    record.unlink()
    assert find_resume_checkpoint(tmp_path) == str(tmp_path / 'iter_10.pth')
    (tmp_path / 'iter_10.pth').unlink()
    assert find_resume_checkpoint(tmp_path) is None


def test_resume_takes_a_checkpoint_that_was_not_recorded_any_more(tmp_path):
    """The run was stopped between the renaming of a checkpoint and the writing of ``last_checkpoint``."""
    for number in (10, 20, 30, 40):
        checkpoint(tmp_path / f'iter_{number}.pth', 100 + number)
    record = tmp_path / 'last_checkpoint'
    record.write_text(str(tmp_path / 'iter_20.pth'))
    os.utime(record, (120, 120))
    (tmp_path / 'iter_40.pth').write_bytes(b'unfinished')
    assert find_resume_checkpoint(tmp_path) == str(tmp_path / 'iter_30.pth')
    os.utime(record, (135, 135))  # iter_30 is from an earlier training in the same folder
    assert find_resume_checkpoint(tmp_path) == str(tmp_path / 'iter_20.pth')


def test_a_copied_work_dir_does_not_resume_from_the_original(tmp_path):
    for name in ('original', 'copy'):
        (tmp_path / name).mkdir()
        checkpoint(tmp_path / name / 'iter_1.pth', 1)
        (tmp_path / name / 'last_checkpoint').write_text(str(tmp_path / 'original' / 'iter_1.pth'))
    assert find_resume_checkpoint(tmp_path / 'copy') == str(tmp_path / 'copy' / 'iter_1.pth')


def test_a_record_of_another_folder_is_followed_with_a_word(tmp_path, caplog):
    for name in ('original', 'other'):
        (tmp_path / name).mkdir()
    checkpoint(tmp_path / 'original' / 'iter_1.pth', 1)
    (tmp_path / 'other' / 'last_checkpoint').write_text(str(tmp_path / 'original' / 'iter_1.pth'))
    MMLogger.get_instance('followed').addHandler(caplog.handler)
    assert find_resume_checkpoint(tmp_path / 'other') == str(tmp_path / 'original' / 'iter_1.pth')
    assert 'names a file of another folder' in caplog.text


def test_a_checkpoint_cannot_have_other_files_deleted(toy_config, tmp_path):
    """Its log names files to delete: the best of the run, and those that a kill left."""
    runner = Runner.from_cfg(toy_config(**best_settings([1.0, 2.0])))
    runner.train()
    folder = Path(runner.work_dir)
    precious, notes = tmp_path / 'precious.pth', folder / 'notes.txt'
    for path in (precious, notes):
        path.write_text('x')
    forged = torch.load(folder / 'iter_2.pth', weights_only=False)
    runtime = forged['message_hub']['runtime_info']
    runtime.update(best_ckpt=str(precious), superseded_ckpts=[notes.name, str(precious)])
    forged['message_hub']['resumed_keys'].update(best_ckpt=True, superseded_ckpts=True)
    torch.save(forged, folder / 'iter_2.pth')
    config = toy_config(**best_settings([1.0, 2.0, 9.0]))
    set_resume_checkpoint(config, 'auto')
    config.val_evaluator.scores = [9.0]
    Runner.from_cfg(config).train()
    assert (folder / 'best_score_iter_3.pth').exists()
    assert precious.exists() and notes.exists()
