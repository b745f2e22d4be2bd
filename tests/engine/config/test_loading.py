"""Configs that do not exist, keys that do not exist, and what a run leaves about itself."""

from __future__ import annotations

import json
import platform

import pytest
import torch
from mmengine.config import Config

from mmdet_panseg.engine import ConfigError, load_config, write_run_record
from mmdet_panseg.engine.config.loading import unknown_key_warning
from mmdet_panseg.engine.errors import UserError, run_command
from mmdet_panseg.engine.launch import ensure_hook, use_processes_on_cpu
from mmdet_panseg.engine.testing import prepare_evaluators
from mmdet_panseg.engine.training import (
    harden_training,
    set_resume_checkpoint,
    use_mixed_precision,
    use_scaled_learning_rate,
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'solo_r50.py').write_text("model = dict(type='SOLO', neck=dict(out=3), heads=[dict(n=1)])")
    (tmp_path / 'other.py').write_text('')
    return tmp_path


def test_missing_configs_name_what_is_near(folder):
    for path, message in (
        ('solo_r5O.py', r'solo_r5O\.py: no such config file\. Near it: solo_r50\.py'),
        ('xyz.py', 'The folder . holds other.py, solo_r50.py'),
        ('none/solo_r50.py', 'The folder none does not exist'),
        (str(folder), 'It is a folder; it holds other.py'),
    ):
        with pytest.raises(ConfigError, match=message):
            load_config(path)


def test_missing_parents_are_named(folder):
    (folder / 'child.py').write_text("_base_ = ['parent.py']")
    with pytest.raises(ConfigError, match=r'child\.py: needs a file that does not exist.*parent\.py'):
        load_config('child.py')


def test_work_dir_is_the_first_that_is_given(folder):
    assert load_config('solo_r50.py').work_dir == 'work_dirs/solo_r50'
    assert load_config('solo_r50.py', dict(work_dir='b')).work_dir == 'b'
    assert load_config('solo_r50.py', dict(work_dir='b'), work_dir='a').work_dir == 'a'


def test_options_are_merged(folder):
    config = load_config('solo_r50.py', {'model.neck.out': 4, 'model.heads.0.n': 2, 'new.key': 1})
    assert (config.model.neck.out, config.model.heads[0].n, config.new.key) == (4, 2, 1)
    with pytest.raises(ConfigError, match=r'--cfg-options model\.heads\.7\.n'):
        load_config('solo_r50.py', {'model.heads.7.n': 2})


@pytest.mark.parametrize('workers', [0, 2])
def test_no_workers_cannot_persist(folder, workers):
    config = load_config('solo_r50.py', {'test_dataloader': dict(num_workers=workers, persistent_workers=True)})
    assert config.test_dataloader == dict(num_workers=workers, persistent_workers=workers > 0)


@pytest.mark.parametrize(
    'key, message',
    [
        ('model.neck.out', None),
        ('model.heads.0.n', None),
        ('model.neck.oun', "model.neck has no key 'oun', so this adds it; the nearest key is model.neck.out"),
        ('modle.neck', "the config has no key 'modle', so this adds it; the nearest key is model"),
        ('model.zzz', "model has no key 'zzz', so this adds it."),
        ('model.type.depth', "model.type has no key 'depth'"),
    ],
)
def test_unknown_keys_name_the_nearest(folder, key, message):
    warning = unknown_key_warning(Config.fromfile('solo_r50.py').to_dict(), key)
    assert warning is None if message is None else message in warning


def test_run_record_holds_arguments_config_and_versions(folder):
    config = load_config('solo_r50.py', dict(hook=dict(type='X')))
    config.hook.factory = dict  # classes have no JSON form
    path = write_run_record('train', config, dict(amp=True, resume=None))
    record = json.loads(path.read_text())
    assert path.parent == folder / config.work_dir or path.parent.name == 'solo_r50'
    assert record['arguments'] == dict(amp=True, resume=None)
    assert record['config']['model']['neck'] == dict(out=3)
    assert record['versions']['python'] == platform.python_version()
    assert record['versions']['torch'] == torch.__version__
    assert {'mmcv', 'mmengine', 'mmdet', 'mmdet_panseg', 'platform', 'git_revision'} <= record['versions'].keys()


def test_user_errors_are_one_message_and_an_exit_code(capsys):
    def fail():
        raise ConfigError('x.py: no such config file.')

    with pytest.raises(SystemExit) as left:
        run_command(fail)
    assert left.value.code == 2
    assert capsys.readouterr().err == 'error: x.py: no such config file.\n'
    with pytest.raises(ValueError, match='bug'):
        run_command(lambda: int('bug'))
    assert issubclass(ConfigError, UserError)


def test_mixed_precision_replaces_plain_wrappers_only(toy_config):
    config = toy_config(optim_wrapper=dict(optimizer=dict(type='SGD', lr=1), accumulative_counts=4))
    use_mixed_precision(config)
    expected = 'AmpOptimWrapper' if torch.cuda.is_available() else 'CPUAmpOptimWrapper'
    assert config.optim_wrapper.type == expected and config.optim_wrapper.accumulative_counts == 4
    config.optim_wrapper.type = 'ApexOptimWrapper'
    with pytest.raises(ConfigError, match='ApexOptimWrapper'):
        use_mixed_precision(config)


def test_scaled_learning_rate_needs_a_base(toy_config):
    with pytest.raises(ConfigError, match='base_batch_size'):
        use_scaled_learning_rate(toy_config())
    config = toy_config(auto_scale_lr=dict(base_batch_size=16, enable=False))
    use_scaled_learning_rate(config)
    assert config.auto_scale_lr.enable is True


def test_training_is_hardened_once(toy_config):
    config = toy_config(default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=3)))
    harden_training(config)
    hooks = list(config.custom_hooks)
    harden_training(config)
    assert config.default_hooks.checkpoint == dict(type='AtomicCheckpointHook', interval=3)
    assert config.custom_hooks == hooks
    assert {'NonFiniteLossHook', 'CheckpointMatchHook'} <= {hook.type for hook in hooks}
    ensure_hook(config, dict(type='NonFiniteLossHook', interval=7))
    ensure_hook(config, dict(type='NonFiniteLossHook', interval=8, more=1))
    (hook,) = (hook for hook in config.custom_hooks if hook['type'] == 'NonFiniteLossHook')
    assert hook == dict(type='NonFiniteLossHook', interval=7, more=1), "the config's own settings stay"
    assert len(config.custom_hooks) == len(hooks)
    without = toy_config(default_hooks=dict(checkpoint=None))
    harden_training(without)
    assert without.default_hooks.checkpoint is None
    bare = Config(dict(work_dir='run'))
    harden_training(bare)
    assert bare.default_hooks.checkpoint.type == 'AtomicCheckpointHook'


def test_resume_from_nothing_starts_from_the_beginning(toy_config, capsys):
    config = toy_config(load_from='weights.pth')
    set_resume_checkpoint(config, 'auto')
    assert config.resume is False and config.load_from == 'weights.pth'
    set_resume_checkpoint(config, None)
    assert config.resume is False
    with pytest.raises(UserError, match='missing.pth: no such checkpoint'):
        set_resume_checkpoint(config, 'missing.pth')


def test_coco_metrics_get_all_lines():
    evaluators = [
        dict(type='CocoMetric', metric=['bbox', 'segm']),
        dict(type='CocoMetric', metric='proposal'),
        dict(type='CocoMetric', metric_items=['mAP']),
        dict(type='OtherMetric'),
    ]
    config = Config(dict(test_evaluator=evaluators))
    prepare_evaluators(config, classwise=True)
    first, proposal, chosen, other = config.test_evaluator
    assert len(first.metric_items) == 12 and first.classwise
    assert 'metric_items' not in proposal
    assert chosen.metric_items == ['mAP']
    assert other == dict(type='OtherMetric')


def test_launchers_that_were_not_started_are_an_error(toy_config, monkeypatch):
    if torch.cuda.is_available():
        pytest.skip('the GPU path is left to mmengine')
    monkeypatch.delenv('SLURM_PROCID', raising=False)
    config = toy_config(launcher='slurm')
    with pytest.raises(ConfigError, match='SLURM_PROCID'):
        use_processes_on_cpu(config)
    single = toy_config(launcher='none')
    use_processes_on_cpu(single)
    assert 'model_wrapper_cfg' not in single
