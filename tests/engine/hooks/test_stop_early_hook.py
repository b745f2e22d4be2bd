"""A training ends when its validations no longer get better, and what it names as its measure must exist."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmdet.registry import METRICS
from mmengine.evaluator import BaseMetric
from mmengine.runner import Runner

from mmdet_panseg.engine import load_checkpoint_safely
from mmdet_panseg.engine.training import set_resume_checkpoint
from mmdet_panseg.errors import ConfigError

BETTER, NOTHING = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], None


@METRICS.register_module(force=True)
class ScriptedTable(BaseMetric):
    """Gives the table of each score of a list; none where the model found nothing."""

    def __init__(self, scores, name='segm_mAP', prefix='coco'):
        super().__init__(prefix=prefix)
        self.scores, self.name = list(scores), name

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        score = self.scores.pop(0)
        return {} if score is NOTHING else {self.name: score, 'segm_mAR': 0.5}


@pytest.fixture
def stopping(toy_config):
    """Build the config of a run of 12 iterations with a validation of scripted scores at every second."""

    def build(scores, monitor='coco/segm_mAP', hook=(), checkpoint=(), **settings):
        loader = dict(dataset=dict(type='ToyDataset', length=2), batch_size=2, num_workers=0)
        loader['sampler'] = dict(type='DefaultSampler', shuffle=False)
        config = toy_config(
            **dict(
                iterations=12,
                val_dataloader=loader,
                val_cfg=dict(type='ValLoop'),
                val_evaluator=[dict(type='ScriptedTable', scores=scores), dict(type='ScriptedTable', **PQ)],
            )
            | settings
        )
        config.train_cfg.val_interval = 2
        if monitor:
            config.default_hooks.early = dict(type='StopEarlyHook', monitor=monitor, **{'patience': 2, **dict(hook)})
        config.default_hooks.checkpoint.update({'interval': 5, **dict(checkpoint)})
        return config

    return build


PQ = dict(scores=[0.3, 0.4, *[0.2] * 4], name='PQ', prefix='coco_panoptic')


def trained(config):
    runner = Runner.from_cfg(config)
    runner.train()
    return runner


@pytest.mark.parametrize(
    ('scores', 'hook', 'end'),
    [
        (BETTER, {}, 12),
        ([0.5, 0.4, 0.4, 0.6], {}, 6),
        ([0.5, 0.5001, 0.5002], {}, 6),
        ([0.5, 0.52, 0.54, 0.56, 0.58, 0.60], {}, 12),
        ([0.5, 0.4, 0.6, 0.5, 0.5], {}, 10),
        ([NOTHING, NOTHING, NOTHING, 0.1, 0.2, 0.3], {}, 12),
        ([0.9, 0.5, 0.4, 0.3, 0.2, 0.1], dict(rule='less'), 12),
        (BETTER, dict(stopping_threshold=0.25), 6),
        ([0.5, float('nan')], {}, 4),
    ],
)
def test_stops_and_leaves_last_and_best(stopping, scores, hook, end):
    runner = trained(stopping(scores, hook=hook, checkpoint=dict(save_best='coco_panoptic/PQ')))
    assert runner.iter == end
    assert (Path(runner.work_dir) / 'last_checkpoint').read_text() == f'{runner.work_dir}/iter_{end}.pth'
    assert load_checkpoint_safely(f'{runner.work_dir}/iter_{end}.pth')['meta']['iter'] == end
    assert [path.name for path in Path(runner.work_dir).glob('best*')] == ['best_coco_panoptic_PQ_iter_4.pth']


def test_stops_by_epochs(stopping):
    loader = dict(dataset=dict(type='ToyDataset', length=8), batch_size=2, num_workers=0)
    loader['sampler'] = dict(type='DefaultSampler', shuffle=True)
    config = stopping([0.5, 0.4, 0.3], train_dataloader=loader)
    config.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=9, val_interval=1)
    config.default_hooks.checkpoint.by_epoch = True
    runner = trained(config)
    assert (runner.epoch, runner.iter) == (3, 12)
    assert (Path(runner.work_dir) / 'last_checkpoint').read_text() == f'{runner.work_dir}/epoch_3.pth'
    assert load_checkpoint_safely(f'{runner.work_dir}/epoch_3.pth')['meta']['epoch'] == 3


def test_panoptic_quality_needs_no_rule(stopping):
    assert trained(stopping(BETTER, 'coco_panoptic/PQ')).iter == 8


def test_resumed_run_remembers_and_a_stopped_one_stays_so(stopping):
    scores = [0.5, 0.4]
    first = stopping([*scores, 0.4], hook=dict(patience=3))
    first.train_cfg.max_iters = 5
    assert trained(first).iter == 5
    for patience, scores_left, end in ((3, [0.4, 0.4, 0.4], 8), (3, [], 8), (4, [0.4, 0.4], 10)):
        config = stopping(scores_left, hook=dict(patience=patience))
        config.val_evaluator[1].scores = [0.3] * 6
        set_resume_checkpoint(config, 'auto')
        assert trained(config).iter == end


def test_the_best_validation_is_known_to_the_checkpoint_that_was_written_before_it(stopping):
    settings = dict(checkpoint=dict(interval=2, save_best='coco/segm_mAP'))
    first = stopping([0.5, 0.6], **settings)
    first.train_cfg.max_iters = 4
    trained(first)
    config = stopping([0.55, 0.55, 0.55, 0.55], **settings)
    config.val_evaluator[1].scores = [0.3] * 4
    set_resume_checkpoint(config, 'auto')
    assert trained(config).iter == 8


def test_a_stop_by_a_threshold_stays_so(stopping):
    hook = dict(stopping_threshold=0.25)
    assert trained(stopping(BETTER, hook=hook)).iter == 6
    config = stopping([], hook=hook)
    set_resume_checkpoint(config, 'auto')
    assert trained(config).iter == 6


@pytest.mark.parametrize(
    ('key', 'message'),
    [
        ('PQ', 'names begin as in coco/PQ, coco_panoptic/PQ.'),
        ('coco_panoptc/PQ', 'names begin as in coco/PQ, coco_panoptic/PQ.'),
        ('coco/segm_mAPP', 'gives no such metric. Near it: coco/segm_mAP'),
        ('coco/mAP_total_sum', 'gives no such metric. It gives coco/segm_mAP, coco/segm_mAR'),
    ],
)
@pytest.mark.parametrize('setting', ['StopEarlyHook.monitor', 'default_hooks.checkpoint.save_best'])
def test_unknown_names_are_errors(stopping, key, message, setting):
    watched = dict(monitor=key) if 'monitor' in setting else dict(monitor=None, checkpoint=dict(save_best=key))
    with pytest.raises(ConfigError) as error:
        trained(stopping(BETTER, **watched))
    assert str(error.value).startswith(f'{setting}={key!r}: ') and message in str(error.value)


def test_a_first_validation_that_finds_nothing_has_no_best(stopping):
    scores = [NOTHING, 0.2, NOTHING, 0.1, 0.1, 0.1]
    runner = trained(stopping(scores, monitor=None, checkpoint=dict(save_best=['coco/segm_mAP', 'coco_panoptic/PQ'])))
    names = {path.name for path in Path(runner.work_dir).glob('best*')}
    assert names == {'best_coco_segm_mAP_iter_4.pth', 'best_coco_panoptic_PQ_iter_4.pth'}


def test_too_late_or_no_validation_is_an_error(stopping):
    late = stopping(BETTER)
    late.train_cfg.val_interval = 12
    with pytest.raises(ConfigError, match='val_interval=12: the only validation is at the end'):
        trained(late)
    none = stopping(BETTER)
    for key in ('val_dataloader', 'val_cfg', 'val_evaluator'):
        none[key] = None
    with pytest.raises(ConfigError, match=r"StopEarlyHook\.monitor='coco/segm_mAP': there is no validation"):
        trained(none)


def test_a_test_needs_no_training_data(stopping):
    config = stopping([], test_cfg=dict(type='TestLoop'), test_evaluator=dict(type='ScriptedTable', scores=[0.5]))
    config.test_dataloader = config.val_dataloader
    config.train_dataloader.dataset.type = 'NotThere'
    assert Runner.from_cfg(config).test()['coco/segm_mAP'] == 0.5
