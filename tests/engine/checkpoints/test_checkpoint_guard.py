"""The guard opens what mmengine writes and nothing that runs code."""

from __future__ import annotations

import os
import pickle
import re
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner
from mmengine.runner.checkpoint import CheckpointLoader

from mmdet_panseg.engine import CheckpointError, install_checkpoint_guard, load_checkpoint_safely


class RunsOnLoad:
    """Unpickling calls ``function(*arguments)``."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def touch(path):
    open(path, 'w').close()


def save(content, path):
    torch.save(content, path)
    return path


@pytest.fixture
def mmengine_loaders():
    """Put mmengine's own loaders back after a test that installs the guard."""
    kept = OrderedDict(CheckpointLoader._schemes)
    yield
    CheckpointLoader._schemes = kept


SCHEDULERS = [
    dict(type='OneCycleLR', eta_max=0.1, total_steps=6, by_epoch=False),
    dict(type='MultiStepLR', milestones=[2, 4], by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=6, by_epoch=False),
    dict(type='PolyLR', begin=0, end=6, by_epoch=False),
    dict(type='LinearLR', start_factor=0.1, begin=0, end=3, by_epoch=False),
]


@pytest.mark.parametrize('scheduler', SCHEDULERS, ids=lambda scheduler: scheduler['type'])
def test_opens_a_training_checkpoint(toy_config, scheduler):
    hooks = [dict(type='EMAHook')]
    runner = Runner.from_cfg(toy_config(param_scheduler=[scheduler], custom_hooks=hooks))
    runner.message_hub.update_info('best_score', np.float64(0.25))
    runner.message_hub.update_info('palette', np.arange(6, dtype=np.uint8).reshape(2, 3))
    runner.train()
    path = f'{runner.work_dir}/iter_6.pth'

    loaded = load_checkpoint_safely(path)

    reference = torch.load(path, weights_only=False)
    assert loaded['meta'] == reference['meta']
    for part in ('state_dict', 'ema_state_dict'):
        assert loaded[part].keys() == reference[part].keys()
        assert all(torch.equal(loaded[part][key], reference[part][key]) for key in loaded[part])
    assert loaded['param_schedulers'] == reference['param_schedulers']
    assert loaded['optimizer'].keys() == reference['optimizer'].keys()
    info = loaded['message_hub']['runtime_info']
    assert info['best_score'] == 0.25 and isinstance(info['best_score'], np.float64)
    assert type(info['palette']) is np.ndarray and info['palette'].tolist() == [[0, 1, 2], [3, 4, 5]]
    scalars = loaded['message_hub']['log_scalars']
    for name, expected in reference['message_hub']['log_scalars'].items():
        assert type(scalars[name]) is HistoryBuffer
        np.testing.assert_array_equal(scalars[name].data, expected.data)
        assert scalars[name].mean() == expected.mean()


@pytest.mark.parametrize(
    'array',
    [
        np.arange(12.0).reshape(3, 4),
        np.asfortranarray(np.arange(6, dtype='>i4').reshape(2, 3)),
        np.zeros((0, 3), np.float16),
        np.array(3 + 4j),
        np.array([True, False]),
        np.array(['thing', 'stuff']),
    ],
    ids=lambda array: f'{array.dtype}{array.shape}',
)
def test_restores_arrays(array, tmp_path):
    content = dict(shared=array, nested=[(array, 1), {'again': array}], pair=(1, array))
    loaded = load_checkpoint_safely(save(content, tmp_path / 'a.pth'))
    for found in (loaded['shared'], loaded['nested'][0][0], loaded['nested'][1]['again'], loaded['pair'][1]):
        assert type(found) is np.ndarray and found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)


def test_files_that_run_code_are_refused(tmp_path):
    target = tmp_path / 'created'
    path = save(dict(state_dict={}, extra=RunsOnLoad(os.mkdir, str(target))), tmp_path / 'evil.pth')
    with pytest.raises(CheckpointError, match=r'evil\.pth.*posix\.mkdir.*--trust-checkpoint'):
        load_checkpoint_safely(path)
    assert not target.exists()
    load_checkpoint_safely(path, trust=True)
    assert target.exists()


@pytest.mark.parametrize(
    'payload',
    [
        RunsOnLoad(eval, 'open("created", "w")'),
        RunsOnLoad(getattr, HistoryBuffer, '__init__'),
        RunsOnLoad(getattr, 'text', 'upper'),
        RunsOnLoad(getattr, np.ndarray, 'tofile'),
        RunsOnLoad(np.dtype, 'O'),
        RunsOnLoad(np.dtype, 'f4,f4'),
        RunsOnLoad(np.fromfile, 'created'),
        np.array([{}, None], dtype=object),
        np.zeros(2, 'f4,i4'),
        RunsOnLoad(HistoryBuffer.mean, 3),
        RunsOnLoad(HistoryBuffer, [1], [1]),
    ],
    ids=repr,
)
def test_refuses_everything_else(payload, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = save([payload], tmp_path / 'odd.pth')
    with pytest.raises(CheckpointError, match='odd.pth'):
        load_checkpoint_safely(path)
    assert not (tmp_path / 'created').exists()


def test_log_history_cannot_bring_callables(tmp_path):
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    original = HistoryBuffer._statistics_methods['mean']
    history.__dict__['_statistics_methods'] = {'mean': HistoryBuffer.max}
    loaded = load_checkpoint_safely(save(history, tmp_path / 'history.pth'))
    assert HistoryBuffer._statistics_methods['mean'] is original
    assert loaded.statistics('mean') == 1.5
    loaded.update(6.0)
    assert loaded.mean() == 3.0
    torch.load(save(loaded, tmp_path / 'again.pth'), weights_only=False)


def test_globals_allowed_elsewhere_do_not_count(tmp_path):
    path = save(RunsOnLoad(touch, str(tmp_path / 'created')), tmp_path / 'evil.pth')
    with torch.serialization.safe_globals([touch, getattr]):
        allowed = set(torch.serialization.get_safe_globals())
        with pytest.raises(CheckpointError):
            load_checkpoint_safely(path)
        assert set(torch.serialization.get_safe_globals()) == allowed
    assert not (tmp_path / 'created').exists()


def test_old_formats_open(tmp_path):
    weights = OrderedDict(weight=torch.arange(4.0))
    torch.save(weights, tmp_path / 'legacy.pth', _use_new_zipfile_serialization=False)
    assert torch.equal(load_checkpoint_safely(tmp_path / 'legacy.pth')['weight'], weights['weight'])


def test_arrays_of_both_numpy_generations_open(tmp_path):
    path = save(np.arange(3.0), tmp_path / 'a.pth')
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    for module in (b'numpy.core.multiarray', b'numpy._core.multiarray'):
        with zipfile.ZipFile(tmp_path / 'other.pth', 'w') as archive:
            for name, data in entries.items():
                archive.writestr(name, re.sub(rb'numpy\._?core\.multiarray', module, data))
        assert load_checkpoint_safely(tmp_path / 'other.pth').tolist() == [0, 1, 2]


def test_files_that_are_no_checkpoints(tmp_path):
    whole = save(dict(a=torch.rand(10000)), tmp_path / 'model.pth')
    cut, text, empty = (tmp_path / name for name in ('cut.pth', 'text.pth', 'empty.pth'))
    cut.write_bytes(whole.read_bytes()[:-5000])
    text.write_text('a page that says: not found')
    empty.touch()
    (tmp_path / 'pickled.pth').write_bytes(pickle.dumps({'a': 1}, protocol=2))
    for path, message in (
        (cut, 'cut short'),
        (text, 'not a checkpoint'),
        (empty, 'is empty'),
        (tmp_path / 'pickled.pth', 'cannot be read'),
        (tmp_path / 'modell.pth', 'no such checkpoint.*Near it: model.pth'),
        (tmp_path / 'none' / 'model.pth', 'none does not exist'),
        (tmp_path, 'is a folder'),
    ):
        with pytest.raises(CheckpointError, match=message) as caught:
            load_checkpoint_safely(path)
        assert str(path) in str(caught.value)


def test_mmengine_goes_through_the_guard(tmp_path, mmengine_loaders, monkeypatch):
    evil = save(RunsOnLoad(touch, str(tmp_path / 'created')), tmp_path / 'evil.pth')
    good = save(dict(state_dict=dict(weight=torch.ones(2))), tmp_path / 'good.pth')
    (tmp_path / 'hub' / 'checkpoints').mkdir(parents=True)
    monkeypatch.setattr(torch.hub, '_hub_dir', str(tmp_path / 'hub'))
    for name in ('model.pth', 'resnet50-0676ba61.pth'):
        (tmp_path / 'hub' / 'checkpoints' / name).write_bytes(evil.read_bytes())
    install_checkpoint_guard()
    assert torch.equal(CheckpointLoader.load_checkpoint(str(good))['state_dict']['weight'], torch.ones(2))
    for name in (str(evil), 'https://localhost/model.pth', 'torchvision://resnet50'):
        with pytest.raises(CheckpointError, match='touch'):
            CheckpointLoader.load_checkpoint(name)
    for name in ('torchvision://resnet51000', 'open-mmlab://nothing', 'pavi://nothing'):
        with pytest.raises((CheckpointError, ImportError)):
            CheckpointLoader.load_checkpoint(name)
    assert not (tmp_path / 'created').exists()
    install_checkpoint_guard(trust=True)
    CheckpointLoader.load_checkpoint(str(evil))
    assert (tmp_path / 'created').exists()
