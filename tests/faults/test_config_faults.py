"""Faults of a config end in one line that says what to mend, and so before the first step is done."""

from __future__ import annotations

import copy
import gc
import itertools
import re

import pytest
from mmengine.config import Config
from mmengine.runner import Runner, ValLoop

from mmdet_panseg.cli.test import build_parser as build_test_parser
from mmdet_panseg.cli.train import build_parser as build_train_parser
from mmdet_panseg.datasets.scenes import make_scenes
from mmdet_panseg.engine.testing import run_testing
from mmdet_panseg.engine.training import run_training
from mmdet_panseg.errors import UserError
from repository import REPOSITORY

_numbers = itertools.count()

# What a file holds, and words of the error. {base} is a config that trains.
FILES = [
    ('cut off', 'model = dict(\n', 'config.py, line 1: SyntaxError'),
    ('wrong indentation', 'a = 1\n  b = 2\n', 'config.py, line 2: IndentationError'),
    ('not text', b"a = '\xe9'\n", 'config.py, line 1: is not UTF-8'),
    ('null bytes', b'a = 1\0\n', 'config.py'),
    ('empty', '', 'model is missing'),
    ('its own base', "_base_ = './config.py'\n", 'is its own _base_'),
    ('bases in a circle', "_base_ = './circle.py'\n", 'is its own _base_'),
    ('base that is not there', "_base_ = './none.py'\n", 'config.py: needs a file that does not exist'),
    ('base of a base that is not there', "_base_ = './orphan.py'\n", 'orphan.py: needs a file that does not exist'),
    ('base with a syntax error', "_base_ = './cut.py'\n", 'cut.py, line 1: SyntaxError'),
    ('base of a package that is not there', "_base_ = 'no_such_package::x.py'\n", 'config.py: .*package'),
    ('base of mmdet that is not there', "_base_ = 'mmdet::solo/none.py'\n", 'does not exist'),
    ('base that is a number', '_base_ = 3\n', '_base_ cannot be used'),
    ('one key in two bases', "_base_ = ['./one.py', './two.py']\n", 'Duplicate key'),
    ('undefined name', '{base}x = undefined\n', 'config.py, line 2: NameError'),
    ('undefined name of the base', '{base}x = _base_.undefined\n', 'config.py, line 2: AttributeError'),
    ('division by zero', '{base}x = 1 / 0\n', 'config.py, line 2: ZeroDivisionError'),
    ('exception in a function', '{base}\ndef f():\n    return {{}}["x"]\ny = f()\n', 'config.py, line 4: KeyError: x'),
    ('import of nothing', 'import not_there\n', 'config.py'),
    (
        'custom import of nothing',
        "{base}custom_imports = dict(imports=['not_there'])\n",
        'custom_imports: .*not_there',
    ),
    ('custom import that fails', "{base}custom_imports = dict(imports=['failing'])\n", 'custom_imports: .*failing.py'),
    ('custom imports as a text', "{base}custom_imports = 'mmdet_panseg'\n", 'custom_imports'),
    ('dict for a list', "{base}train_dataloader = dict(dataset=dict(pipeline=dict(type='Resize')))\n", 'pipeline'),
    ('list for a dict', '{base}model = []\n', 'model'),
    ('lazy: division by zero', '{lazy}\nx = 1 / 0\n', 'config.py, line 5: ZeroDivisionError'),
    ('lazy: undefined name', '{lazy}\ntrain_cfg.update(dict(type=Nothing))\n', 'config.py, line 5: NameError'),
    ('lazy: base with a syntax error', '{lazy}    from .cut import *\n', 'cut.py, line 1: SyntaxError'),
    ('lazy: base that fails', '{lazy}    from .failing import *\n', 'failing.py, line 1: RuntimeError: no device'),
    ('lazy: base that is not there', '{lazy}    from .none import *\n', 'none.py not found'),
    ('lazy: argument', '{lazy}\ntrain_cfg.update(dict(max_iter=3))\n', "no argument 'max_iter'"),
    ('lazy: kind', "{lazy}\ntrain_cfg.update(dict(max_iters='two'))\n", "train_cfg.max_iters = 'two'"),
]
LAZY = 'from mmengine.config import read_base\nwith read_base():\n    from .good import *\n'
BESIDE = {
    'circle.py': "_base_ = './config.py'\n",
    'orphan.py': "_base_ = './none.py'\n",
    'cut.py': 'model = dict(\n',
    'one.py': "model = dict(type='x')\n",
    'two.py': "model = dict(type='y')\n",
    'failing.py': 'raise RuntimeError("no device")\n',
}

# Options, and words of the error.
OPTIONS = [
    ('model', None, 'model is missing'),
    ('model', 'SOLO', 'model'),
    ('model.type', 'SOLOO', 'SOLO'),
    ('model.type', 3, 'model'),
    ('model.backbone', None, 'model'),
    ('model.backbone.arch', 'lite9', 'model.backbone .*lite9'),
    ('model.backbone.frozen_stages', 'two', 'model.backbone'),
    ('model.backbone.out_indices', [0, 1], 'model'),
    ('model.mask_head', 'SparseSOLOHead', 'model'),
    ('model.mask_head', [], 'model'),
    ('model.mask_head.type', None, 'model.mask_head'),
    ('model.neck', 'FPN', 'model'),
    ('model.data_preprocessor', 'DetDataPreprocessor', 'model'),
    ('model.init_cfg', 'none.pth', 'model'),
    ('model.init_cfg', dict(type='Pretrained', checkpoint='none.pth'), 'none.pth'),
    ('model.neck.in_channels', [24, 40], 'model'),
    ('model.neck.in_channels', [24, 40, 112, 999], 'model.neck'),
    ('model.neck.num_outs', 4, 'model.mask_head'),
    ('model.neck.out_channels', 64, 'model.mask_head'),
    ('model.neck.out_chanels', 64, 'out_channels'),
    ('model.mask_head', None, 'model'),
    ('model.mask_head.num_grids', [32, 24], 'model.mask_head'),
    ('model.mask_head.strides', [8, 8, 16], 'model.mask_head'),
    ('model.mask_head.scale_ranges', [[1, 32]], 'model.mask_head'),
    ('model.mask_head.scale_ranges', 96, 'model.mask_head'),
    ('model.mask_head.num_classes', -1, 'model.mask_head'),
    ('model.mask_head.num_classes', 'eight', 'model.mask_head'),
    ('model.mask_head.num_classes', 3, 'num_classes = 3, but should be 8'),
    ('model.mask_head.loss_mask', dict(type='FocalLoss', _delete_=True), 'model.mask_head'),
    ('model.mask_head.loss_mask', dict(type='CrossEntropyLoss', use_sigmoid=True, _delete_=True), 'model.mask_head'),
    ('model.mask_head.loss_mask.activate', False, 'loss_mask.activate'),
    ('model.mask_head.loss_cls', None, 'model.mask_head'),
    ('model.mask_head.loss_cls', dict(type='DiceLoss', _delete_=True), 'model.mask_head'),
    ('model.mask_head.norm_cfg.num_groups', 7, 'model.mask_head'),
    ('model.mask_head.stacked_convs', '3', 'model.mask_head'),
    ('model.mask_head.feat_channels', 0, 'model.mask_head'),
    ('model.mask_head.assigner', dict(type='SOLOGridAssigner', center='middle'), 'model.mask_head.assigner'),
    ('model.mask_head.mask_supervision', dict(type='CommonStrideSupervision', stride=3), 'mask_supervision'),
    ('model.test_cfg', None, 'model.test_cfg'),
    ('model.test_cfg.score_thr', 5, 'model.test_cfg.score_thr'),
    ('model.test_cfg.nms_pree', 5, 'nms_pre'),
    ('model.data_preprocessor.mean', 5, 'model.data_preprocessor'),
    ('model.data_preprocessor.pad_size_divisor', 0, 'model.data_preprocessor'),
    ('train_dataloader', None, 'train_dataloader is missing'),
    ('train_dataloader', 'data', 'train_dataloader'),
    ('train_dataloader.batch_size', 0, 'train_dataloader.batch_size = 0'),
    ('train_dataloader.batch_size', '4', "train_dataloader.batch_size = '4', but should be a whole number"),
    ('train_dataloader.batch_size', None, 'train_dataloader'),
    ('train_dataloader.batch_size', 1.5, 'train_dataloader.batch_size = 1.5'),
    ('train_dataloader.num_workers', -1, 'train_dataloader.num_workers = -1'),
    ('train_dataloader.num_workers', 'two', "train_dataloader.num_workers = 'two'"),
    ('train_dataloader.batchsize', 4, 'batch_size'),
    ('train_dataloader.sampler', None, 'train_dataloader.sampler'),
    ('train_dataloader.sampler.type', 'InfiniteSample', 'InfiniteSampler'),
    ('train_dataloader.collate_fn', dict(type='colate'), 'train_dataloader'),
    ('train_dataloader.dataset', None, 'train_dataloader.dataset'),
    ('train_dataloader.dataset', 'CheckedCocoDataset', 'train_dataloader'),
    ('train_dataloader.dataset', [], 'train_dataloader'),
    ('train_dataloader.dataset.type', None, 'train_dataloader.dataset'),
    ('train_dataloader.dataset.type', 'CheckedCoco', 'CheckedCocoDataset'),
    ('train_dataloader.dataset.metainfo', 'cat', 'train_dataloader.dataset.metainfo'),
    ('train_dataloader.dataset.metainfo', dict(classes='unicorn'), 'metainfo.classes'),
    ('train_dataloader.dataset.data_root', 3, 'train_dataloader.dataset.data_root'),
    ('train_dataloader.dataset.data_prefix', dict(img=3), 'train_dataloader.dataset'),
    ('train_dataloader.sampler', 'InfiniteSampler', 'train_dataloader'),
    ('train_dataloader.batch_sampler', dict(type='AspectRatio'), 'AspectRatioBatchSampler'),
    ('train_dataloader.dataset.ann_file', None, 'train_dataloader.dataset'),
    ('train_dataloader.dataset.ann_file', 'none.json', 'none.json.*does not exist'),
    ('train_dataloader.dataset.ann_file', 3, 'train_dataloader.dataset.ann_file = 3'),
    ('train_dataloader.dataset.data_prefix', 'images', 'train_dataloader.dataset.data_prefix'),
    ('train_dataloader.dataset.data_prefix.img', 'none/', 'none'),
    ('train_dataloader.dataset.metainfo', dict(classes=('unicorn',)), 'unicorn'),
    ('train_dataloader.dataset.pipeline', None, 'train_dataloader.dataset'),
    ('train_dataloader.dataset.pipeline', [], 'train_dataloader'),
    ('train_dataloader.dataset.pipeline', 'LoadCheckedImage', 'train_dataloader.dataset.pipeline'),
    ('train_dataloader.dataset.pipeline', ['LoadCheckedImage'], 'pipeline'),
    ('train_dataloader.dataset.pipeline.1.with_mask', False, 'pipeline'),
    ('train_dataloader.dataset.pipeline.2.scale', 'big', 'pipeline'),
    ('train_dataloader.dataset.pipeline.2.type', 'Resiz', 'Resize'),
    ('train_dataloader.dataset.pipeline.3.prob', 7, 'pipeline'),
    ('train_dataloader.dataset.pipeline.4.strides', [8], 'strides'),
    ('train_dataloader.dataset.pipeline.4.strides', [3], 'strides'),
    ('train_dataloader.dataset.indices', 'all', 'train_dataloader.dataset.indices'),
    ('train_dataloader.dataset.filter_cfg', 'all', 'train_dataloader.dataset'),
    ('val_dataloader.dataset.ann_file', 'none.json', 'none.json'),
    ('val_dataloader.batch_size', 0, 'val_dataloader.batch_size'),
    ('val_dataloader.dataset.pipeline.1.type', 'Resiz', 'Resize'),
    ('val_dataloader.dataset.pipeline.1.scale', 'big', 'pipeline'),
    ('val_evaluator', [None], 'val_evaluator'),
    ('val_dataloader.dataset.pipeline.2.meta_keys', ['img_id'], 'model'),
    ('val_dataloader', 'data', 'val_dataloader'),
    ('val_dataloader.dataset', None, 'val'),
    ('val_cfg', 'ValLoop', 'val_cfg'),
    ('test_evaluator', None, 'test_evaluator'),
    ('val_evaluator.metric', 'sgm', 'val_evaluator'),
    ('val_evaluator', 'CocoMetric', 'val_evaluator'),
    ('val_evaluator.type', 'CocoMetrik', 'CocoMetric'),
    ('test_evaluator.type', 'CocoMetrik', 'CocoMetric'),
    ('val_cfg', dict(type='ValLop'), 'ValLoop'),
    ('train_cfg', None, 'train_cfg is missing'),
    ('train_cfg', 'IterBasedTrainLoop', 'train_cfg'),
    ('train_cfg.max_iters', 0, 'train_cfg.max_iters = 0'),
    ('train_cfg.max_iters', -5, 'train_cfg.max_iters = -5'),
    ('train_cfg.max_iters', '1k', "train_cfg.max_iters = '1k'"),
    ('train_cfg.max_iters', None, 'train_cfg'),
    ('train_cfg.max_iters', 2.5, 'train_cfg.max_iters = 2.5'),
    ('train_cfg.val_interval', 0, 'train_cfg.val_interval = 0'),
    ('train_cfg.val_interval', 'never', "train_cfg.val_interval = 'never'"),
    ('train_cfg.max_epochs', 12, "no argument 'max_epochs'"),
    ('train_cfg.type', 'IterBasedTrainLop', 'IterBasedTrainLoop'),
    ('optim_wrapper', None, 'optim_wrapper is missing'),
    ('optim_wrapper', 'SGD', 'optim_wrapper'),
    ('optim_wrapper', dict(type='OptimWrapper', _delete_=True), 'optim_wrapper'),
    ('optim_wrapper.optimizer', 'SGD', 'optim_wrapper'),
    ('optim_wrapper.optimizer', [], 'optim_wrapper'),
    ('optim_wrapper.constructor', 'None', 'optim_wrapper'),
    ('optim_wrapper.type', 'AmpOptimWraper', 'AmpOptimWrapper'),
    ('optim_wrapper.optimizer', None, 'optim_wrapper'),
    ('optim_wrapper.optimizer.lr', -1, 'optim_wrapper.optimizer'),
    ('optim_wrapper.optimizer.lr', 'high', 'optim_wrapper.optimizer'),
    ('optim_wrapper.optimizer.type', 'AdamV', 'Adam'),
    ('optim_wrapper.optimizer.momentum', 0.9, "no argument 'momentum'"),
    ('optim_wrapper.clip_grad', 10, 'optim_wrapper.clip_grad = 10'),
    ('optim_wrapper.clip_grad', dict(max_norm='ten'), 'optim_wrapper'),
    ('optim_wrapper.accumulative_counts', 0, 'optim_wrapper.accumulative_counts = 0'),
    ('optim_wrapper.paramwise_cfg', 'none', 'optim_wrapper.paramwise_cfg'),
    ('optim_wrapper.paramwise_cfg.custom_keys', dict(backbone=0.5), 'custom_keys'),
    ('param_scheduler', 'cosine', 'param_scheduler'),
    ('param_scheduler', ['cosine'], 'param_scheduler'),
    ('param_scheduler', [dict(by_epoch=False)], 'param_scheduler'),
    ('param_scheduler.0.type', 'WarmUpLR', 'WarmupLR'),
    ('param_scheduler.0.length', 'long', 'param_scheduler'),
    ('param_scheduler', [dict(type='MultiStepLR', milestones=3, by_epoch=False)], 'param_scheduler'),
    ('param_scheduler', [dict(type='LinearLR', start_factor=3.0, by_epoch=False)], 'param_scheduler'),
    ('default_hooks', 'all', 'default_hooks'),
    ('default_hooks.loger', dict(interval=5), 'default_hooks.loger has no type.*logger'),
    ('default_hooks.logger', 'often', 'default_hooks'),
    ('default_hooks.logger.interval', 'often', 'default_hooks.logger'),
    ('default_hooks.logger.intervall', 5, 'interval'),
    ('default_hooks.visualisation', None, 'default_hooks.visualisation'),
    ('default_hooks.checkpoint.interval', 'often', 'default_hooks.checkpoint.interval'),
    ('default_hooks.checkpoint.save_best', 5, 'default_hooks.checkpoint.save_best'),
    ('custom_hooks', 'abc', "custom_hooks = 'abc'"),
    ('custom_hooks', ['EMAHook'], 'custom_hooks'),
    ('custom_hooks', [dict(type='EMAHok')], 'EMAHook'),
    ('custom_hooks', dict(type='EMAHook'), 'custom_hooks'),
    ('custom_hooks', [dict(momentum=0.1)], 'custom_hooks'),
    ('custom_hooks', [dict(type='EMAHook', momentum=7)], 'custom_hooks'),
    ('custom_hooks', [dict(type='EMAHook', priority='SOON')], 'custom_hooks'),
    ('visualizer', 'local', 'visualizer'),
    ('visualizer', [], 'visualizer'),
    ('visualizer.vis_backends', [None], 'visualizer'),
    ('visualizer.vis_backends', [dict(type='TensorbordVisBackend')], 'TensorboardVisBackend'),
    ('resume', 'yes', 'resume'),
    ('experiment_name', 3, 'experiment_name'),
    ('auto_scale_lr', dict(enable=True, base_batch_size=0), 'auto_scale_lr'),
    ('env_cfg.resource_limit', 'many', 'env_cfg'),
    ('visualizer.type', 'DetLocalVisualiser', 'DetLocalVisualizer'),
    ('visualizer.vis_backends', 'LocalVisBackend', 'vis_backends'),
    ('log_processor', 'all', 'log_processor'),
    ('log_processor.window_size', 'wide', 'log_processor'),
    ('log_level', 'LOUD', 'log_level'),
    ('randomness', 3, 'randomness = 3'),
    ('randomness', dict(sede=3), 'seed'),
    ('randomness', dict(seed='three'), 'randomness'),
    ('env_cfg', 'fast', 'env_cfg'),
    ('env_cfg.mp_cfg', dict(mp_start_method='forrk'), 'env_cfg'),
    ('default_scope', 3, 'default_scope = 3'),
    ('default_scope', 'mmdett', 'default_scope'),
    ('load_from', 'none.pth', 'none.pth'),
    ('load_from', 3, 'load_from = 3'),
    ('work_dir', 3, 'work_dir = 3'),
    ('auto_scale_lr', 4, 'auto_scale_lr = 4'),
]

_STEPS = dict(type='MultiStepLR', milestones=[1], by_epoch=False)
_EPOCHS = {'train_cfg': dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs=1)}
_FINITE = {'train_dataloader.sampler': dict(type='DefaultSampler', shuffle=True)}

# Options that are faults together, and words of the error.
TOGETHER = [
    (
        {**_FINITE, 'train_dataloader.drop_last': True, 'train_dataloader.batch_size': 9},
        'gives no batch: 4 images, batch_',
    ),
    (
        {**_EPOCHS, 'train_dataloader.drop_last': True, 'train_dataloader.batch_size': 9},
        'gives no batch: 4 images, batch_',
    ),
    ({'train_cfg': dict(_delete_=True, by_epoch=True, max_iters=1)}, 'max_iters'),
    ({'train_dataloader.num_workers': 1, 'model.neck.num_outs': 4}, 'model.mask_head'),
    (
        {'train_dataloader.num_workers': 1, 'train_dataloader.dataset.pipeline.1.with_mask': False},
        'FixClassGT needs gt_masks',
    ),
]

# Options that are taken, and words of the warning.
WARNINGS = [
    (
        {
            'val_dataloader.dataset.ann_file': 'annotations/instances_train.json',
            'val_dataloader.dataset.data_prefix.img': 'images/train/',
        },
        'val_dataloader.dataset has the images that are learnt',
    ),
    (
        {'param_scheduler': [dict(_STEPS, end=3)]},
        r'param_scheduler\[0\] \(MultiStepLR\) ends after 3 iterations, .* 1:',
    ),
    (
        {'param_scheduler': [dict(_STEPS, end=1)], 'train_cfg.max_iters': 2},
        'ends after 1 iterations, the training after 2',
    ),
    (
        {'param_scheduler': [dict(type='LinearLR', start_factor=0.1, end=500, by_epoch=False)]},
        'ends after 500 iterations',
    ),
    ({'param_scheduler': [dict(type='MultiStepLR', milestones=[1])]}, 'counts epochs, and train_cfg iterations'),
    ({'val_evaluator': None}, 'val_evaluator is None: this run does not validate'),
    ({'val_evaluator': []}, r'val_evaluator is \[\]: this run does not validate'),
    ({**_EPOCHS, 'param_scheduler': []}, 'a DefaultSampler takes its place'),
]


@pytest.fixture(scope='session')
def good(tmp_path_factory):
    """The text of a config that trains for a moment on small images."""
    folder = tmp_path_factory.mktemp('scenes')
    make_scenes(folder / 'scenes', num_train=4, num_val=2, size=(96, 64), progress=False)
    config = Config.fromfile(REPOSITORY / 'configs' / 'solo' / 'solo_effl0_scenes.py')
    loader = {'num_workers': 0, 'persistent_workers': False, 'dataset.data_root': f'{folder}/scenes/'}
    for loop in ('train', 'val', 'test'):
        config.merge_from_dict({f'{loop}_dataloader.{key}': value for key, value in loader.items()})
    head = {'model.mask_head.stacked_convs': 1, 'train_cfg.max_iters': 1, 'log_level': 'WARNING'}
    config.merge_from_dict({**head, 'param_scheduler.0.length': 1})
    return config.pretty_text


@pytest.fixture
def start(tmp_path, monkeypatch, good):
    """Start a training as the command line does; validation is not run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(ValLoop, 'run', lambda loop: {})
    # What takes seconds and says nothing here.
    monkeypatch.setattr(Config, 'pretty_text', '')
    monkeypatch.setattr(Runner, '_log_env', lambda *arguments: None)
    monkeypatch.setattr(gc, 'collect', lambda *arguments: 0)
    name = f'fault{next(_numbers)}'  # runs of one name share what they log
    named = f"experiment_name = '{name}'\nvisualizer.update(name='{name}')\n"
    for file, text in {**BESIDE, 'good.py': good + named}.items():
        (tmp_path / file).write_text(text)

    def run(text, options=None, resume=None):
        path = tmp_path / 'config.py'
        path.write_bytes(
            text if isinstance(text, bytes) else text.format(base="_base_ = './good.py'\n", lazy=LAZY).encode()
        )
        arguments = build_train_parser().parse_args([str(path)])
        arguments.cfg_options, arguments.resume = copy.deepcopy(options), resume
        return run_training(arguments)

    return run


@pytest.fixture
def said(tmp_path, log):
    """Give what was logged, before there is a runner and by it."""
    log.set_level('WARNING')
    return lambda: log.text + ''.join(file.read_text() for file in tmp_path.rglob('*.log'))


@pytest.mark.parametrize(('text', 'words'), [case[1:] for case in FILES], ids=[case[0] for case in FILES])
def test_files(start, text, words):
    with pytest.raises(UserError, match=words) as raised:
        start(text)
    assert '\n' not in str(raised.value)


@pytest.mark.parametrize(('key', 'value', 'words'), OPTIONS)
def test_options(start, key, value, words):
    with pytest.raises(UserError, match=words) as raised:
        start('{base}', {key: value})
    assert '\n' not in str(raised.value)


@pytest.mark.parametrize(('options', 'words'), TOGETHER)
def test_options_together(start, options, words):
    with pytest.raises(UserError, match=words) as raised:
        start('{base}', options)
    assert '\n' not in str(raised.value)


@pytest.mark.parametrize(
    ('key', 'value', 'words'),
    [
        ('model', None, 'model is missing'),
        ('test_evaluator', None, 'test_evaluator is missing'),
        ('test_dataloader.batch_size', 0, 'test_dataloader.batch_size = 0, but should be at least 1'),
        ('test_dataloader.dataset.pipeline.1.scale', 'big', r'test_dataloader.dataset.pipeline\[1\] \(Resize\)'),
        ('test_evaluator.metric', 'sgm', 'test_evaluator .*sgm'),
        ('test_evaluator.iou_thrs', ['half'], r'test_evaluator \(CheckedCocoMetric\): ValueError'),
    ],
)
def test_options_of_a_test(start, key, value, words):
    start('{base}')
    arguments = build_test_parser().parse_args(['good.py', 'work_dirs/config'])
    arguments.cfg_options = {key: value}
    with pytest.raises(UserError, match=words) as raised:
        run_testing(arguments)
    assert '\n' not in str(raised.value)


@pytest.mark.parametrize(('options', 'words'), WARNINGS)
def test_warnings(start, said, options, words):
    start('{base}', options)
    assert re.search(words, said())


@pytest.mark.parametrize('text', ['{base}', '{lazy}'])
def test_a_good_config_trains_without_a_warning(start, said, text):
    start(text)
    assert 'param_scheduler' not in said() and 'nothing to train' not in said()


def test_a_finished_training_says_so(start, said):
    start('{base}')
    start('{base}', resume='auto')
    assert 'iter_1.pth: has 1 of 1 iterations already, so that there is nothing to train' in said()


def test_a_longer_training_keeps_the_schedule_that_it_began_with(start, said):
    start('{base}')
    start('{base}', {'train_cfg.max_iters': 2}, resume='auto')
    assert 'param_scheduler[1] (CosineDecayLR) ends after 1 iterations, the training after 2' in said()
    assert 'name the checkpoint in load_from and do not resume' in said()
