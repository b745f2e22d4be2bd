"""``AverageWeightsHook`` from the command lines: averaged weights are resumed, tested and loaded for inference."""

from __future__ import annotations

import json

import torch

from mmdet_panseg.apis import load_detector
from mmdet_panseg.engine import load_checkpoint_safely, load_config
from toy_run import ToyDataset, write_toy_config

LOADER = dict(
    dataset=dict(type='ToyDataset', length=4),
    sampler=dict(type='DefaultSampler', shuffle=False),
    batch_size=2,
    num_workers=0,
)


def test_average_is_trained_resumed_and_tested(call_tool, tmp_path):
    config = write_toy_config(
        tmp_path,
        iterations=6,
        custom_imports=dict(imports=['mmdet_panseg', 'toy_run', 'ladder_toy']),
        test_dataloader=LOADER,
        test_cfg=dict(type='TestLoop'),
        test_evaluator=dict(type='ToyAP'),
    )
    average = ('--cfg-options', 'default_hooks.average.type=AverageWeightsHook')
    short = call_tool('train.py', config, *average, 'train_cfg.max_iters=4')
    assert short.returncode == 0, short.stderr
    resumed = call_tool('train.py', config, '--resume', *average)
    assert resumed.returncode == 0, resumed.stderr
    saved = load_checkpoint_safely(tmp_path / 'run' / 'iter_6.pth')
    assert saved['ema_state_dict']['steps'] == 6
    assert not torch.equal(saved['state_dict']['out.weight'], saved['ema_state_dict']['module.out.weight'])

    scores = []
    for options in (average, ()):  # a test needs no hook, and is none the worse for it
        run = call_tool('test.py', config, tmp_path / 'run', '--json', tmp_path / 'metrics.json', *options)
        assert run.returncode == 0, run.stderr
        scores.append(json.loads((tmp_path / 'metrics.json').read_text())['metrics']['coco/segm_mAP'])
    model = load_detector(load_config(config), tmp_path / 'run')
    assert torch.equal(model.out.weight, saved['state_dict']['out.weight'])
    images = [ToyDataset(4)[index]['inputs'] for index in range(4)]
    expected = abs(float(model(images).mean()))
    assert scores == [scores[0]] * 2 and abs(scores[0] - expected) < 1e-6
