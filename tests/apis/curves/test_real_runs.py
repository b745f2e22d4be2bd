"""Curves of real trainings: one that was resumed, and one with TensorBoard."""

from __future__ import annotations

import time

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmdet_panseg.apis.curves import read_run
from mmdet_panseg.engine import load_config
from mmdet_panseg.engine.config import settle_contradictions
from toy_run import toy_config

TENSORBOARD = "visualizer = dict(vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])"


def train(work_dir, iterations, **settings):
    config = toy_config(work_dir, iterations=iterations, save_every=5, **settings)
    config.default_hooks.logger = dict(type='LoggerHook', interval=2)
    Runner.from_cfg(config).train()


def test_a_resumed_run_is_one_curve(tmp_path):
    train(tmp_path, 8)
    time.sleep(1.1)  # folders are named by the second
    train(tmp_path, 14, resume=True, load_from=str(tmp_path / 'iter_5.pth'))
    assert len(list(tmp_path.glob('*/vis_data/scalars.json'))) == 2
    loss = read_run(tmp_path).training['loss']
    assert loss.iterations.tolist() == [2, 4, 6, 8, 10, 12, 14]


def test_tensorboard_by_one_line(tmp_path, repository):
    pytest.importorskip('tensorboard')
    path = tmp_path / 'mine.py'
    path.write_text(f"_base_ = '{repository}/configs/_base_/default_runtime.py'\n{TENSORBOARD}\n")
    config = load_config(path)
    settle_contradictions(config)
    assert config.visualizer.type == 'PanopticLocalVisualizer'
    train(tmp_path / 'run', 4, visualizer=Config(dict(visualizer=config.visualizer)).visualizer.to_dict())
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (events,) = (tmp_path / 'run').rglob('events.out.tfevents.*')
    read = EventAccumulator(str(events.parent)).Reload()
    ours = read_run(tmp_path / 'run').training['loss']
    theirs = read.Scalars('loss')
    assert [event.step for event in theirs] == ours.iterations.tolist() == [2, 4]
    assert [event.value for event in theirs] == pytest.approx(ours.values.tolist())
