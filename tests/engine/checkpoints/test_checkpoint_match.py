"""A checkpoint of another model is an error; a partial one is told."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseTTAModel
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from torch import nn

from mmdet_panseg.engine import CheckpointError
from mmdet_panseg.engine.checkpoints import load_matching, require_match, weights_in
from mmdet_panseg.engine.hooks.checkpoint_match_hook import CheckpointMatchHook, _require_finite
from toy_run import ToyModel


def other_model():
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))


def test_a_full_match_loads_everything():
    source, target = ToyModel(), ToyModel()
    saved = {f'module.{key}': value for key, value in source.state_dict().items()}
    match = load_matching(target, weights_in(dict(state_dict=saved), 'a.pth'))
    assert match.complete and not match.unexpected and match.matched == len(saved)
    assert match.describe() == 'everything matches'
    assert all(torch.equal(target.state_dict()[key], value) for key, value in source.state_dict().items())
    require_match(match, 'a.pth', complete=True)


def test_differences_are_named():
    weights = ToyModel().state_dict()
    del weights['out.bias']
    weights['out.weight'] = torch.ones(7, 4)
    weights['neck.weight'] = torch.ones(1)
    match = load_matching(ToyModel(), weights)
    assert match.missing == ('out.bias',)
    assert match.mismatched == (('out.weight', (7, 4), (1, 4)),)
    assert match.unexpected == ('neck.weight',)
    assert match.matched == len(ToyModel().state_dict()) - 2
    require_match(match, 'a.pth', complete=False)
    with pytest.raises(CheckpointError, match=r'a\.pth.*out\.bias.*out\.weight \(file \[7, 4\], model \[1, 4\]\)'):
        require_match(match, 'a.pth', complete=True)


def test_nothing_in_common_is_refused():
    match = load_matching(ToyModel(), other_model().state_dict())
    with pytest.raises(CheckpointError, match='another model.*features.0.weight'):
        require_match(match, 'a.pth', complete=False)


def test_counters_of_batch_norm_may_be_missing():
    weights = other_model().state_dict()
    del weights['1.num_batches_tracked']
    assert load_matching(other_model(), weights).complete


def test_renaming_while_loading_counts_as_a_match():
    class Renamed(nn.Linear):
        def _load_from_state_dict(self, state_dict, prefix, *arguments):
            if f'{prefix}kernel' in state_dict:
                state_dict[f'{prefix}weight'] = state_dict.pop(f'{prefix}kernel')
            super()._load_from_state_dict(state_dict, prefix, *arguments)

    match = load_matching(Renamed(2, 2), dict(kernel=torch.ones(2, 2), bias=torch.ones(2)))
    assert match.complete and match.matched == 2


def test_wrappers_are_looked_through():
    class Augmented(BaseTTAModel):
        def merge_preds(self, data_samples_list):
            return data_samples_list

    model = ToyModel()
    assert load_matching(Augmented(module=model), ToyModel().state_dict()).complete


@pytest.mark.parametrize('content', [[1, 2], {'a': 1}, {'state_dict': {}}, {'state_dict': None}])
def test_files_without_weights_are_refused(content):
    with pytest.raises(CheckpointError, match='a.pth: holds no weights'):
        weights_in(content, 'a.pth')


def test_runner_refuses_what_it_cannot_use(toy_config, tmp_path):
    weights = ToyModel().state_dict()
    partial = {key: value for key, value in weights.items() if key.startswith('features')}
    for name, content in (('full', weights), ('partial', partial), ('other', other_model().state_dict())):
        torch.save(dict(state_dict=content), tmp_path / f'{name}.pth')

    def train(name, **settings):
        hooks = [dict(type='CheckpointMatchHook')]
        config = toy_config(iterations=1, custom_hooks=hooks, load_from=str(tmp_path / f'{name}.pth'), **settings)
        Runner.from_cfg(config).train()

    train('partial')
    with pytest.raises(CheckpointError, match='other.pth: is a checkpoint of another model'):
        train('other')
    with pytest.raises(CheckpointError, match='partial.pth: does not fit'):
        train('partial', resume=True)
    with pytest.raises(CheckpointError, match='full.pth: holds no training state'):
        train('full', resume=True)


def test_counters_alone_are_no_match():
    """Torch fills in the counters that files without version numbers lack."""
    match = load_matching(other_model(), {'layer1.weight': torch.ones(3, 3)})
    assert match.matched == 0


def test_weights_that_are_not_numbers_are_not_tested():
    model = ToyModel()
    _require_finite(model, 'a.pth')
    with torch.no_grad():
        model.out.bias.fill_(float('nan'))
    with pytest.raises(CheckpointError, match=r'a\.pth: 1 entries are infinite or not a number, such as out\.bias'):
        _require_finite(model, 'a.pth')


class Loop(BaseLoop):
    run = None  # abstract, and not what is looked at


def runner_with(log, classes, resume=False):
    """What the hook reads of a runner that tests, or goes on, with data of some classes."""
    loop = Loop(None, SimpleNamespace(dataset=SimpleNamespace(metainfo=dict(classes=classes))))
    loops = dict(_train_loop=loop, _test_loop=None) if resume else dict(_train_loop=None, _test_loop=loop)
    return SimpleNamespace(model=ToyModel(), logger=log, hooks=[], _load_from='a.pth', _resume=resume, **loops)


def learnt(*classes):
    state = dict(message_hub={}, optimizer={})
    return dict(state_dict=ToyModel().state_dict(), meta=dict(dataset_meta=dict(classes=classes)), **state)


@pytest.mark.parametrize('resume', [False, True])
@pytest.mark.parametrize('number', [2, 3])
def test_the_same_classes_in_another_order_are_refused(resume, number):
    runner = runner_with(logging.getLogger('x'), ('dog', 'cat'), resume)
    checkpoint = learnt(*('cat', 'dog', 'grass')[:number])
    message = r"different orders: label 0 is 'cat' in a.pth and 'dog' in \w+_dataloader.dataset. .*: cat, dog"
    with pytest.raises(CheckpointError, match=message):
        CheckpointMatchHook(require_all=not resume).after_load_checkpoint(runner, checkpoint)


@pytest.mark.parametrize(
    ('classes', 'said'),
    [
        (('cat', 'dog'), None),
        (('cat', 'dog', 'grass'), None),
        (('cat', 'cow'), "label 1 is 'dog' in a.pth and 'cow' in test_dataloader.dataset"),
        ((), None),
    ],
)
def test_other_class_names_are_told(caplog, classes, said):
    runner = runner_with(logging.getLogger('other names'), classes)
    CheckpointMatchHook(require_all=True).after_load_checkpoint(runner, learnt('cat', 'dog'))
    assert said in caplog.text if said else not caplog.text
