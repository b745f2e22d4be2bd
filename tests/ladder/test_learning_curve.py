"""Learning curves: which images are chosen, that the runs are trained and kept, and what is written of them."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmdet.registry import DATASETS

from mmdet_panseg.datasets.scenes import make_scenes
from mmdet_panseg.errors import ConfigError
from mmdet_panseg.ladder import RunResult, choose_images, plan_curve, write_curve
from repository import REPOSITORY

TOOL = REPOSITORY / 'tools/analysis_tools/learning_curve.py'
CONFIG = """
_base_ = '{base}'
data_root = '{data}/'
resize = test_resize = [dict(type='Resize', scale=(96, 80), keep_ratio=True)]
train_pipeline = [*_base_.load_image, *_base_.load_instances, *resize, *_base_.targets, *_base_.pack]
test_pipeline = [*_base_.load_image, *test_resize, *_base_.test_pack]
model = dict(
    backbone=dict(init_cfg=None),
    mask_head=dict(stacked_convs=1, num_grids=[8, 6, 4, 3, 2]),
)
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root=data_root, pipeline=train_pipeline),
)
val_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dict(data_root=data_root, pipeline=test_pipeline)
)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + 'annotations/instances_val.json')
test_evaluator = val_evaluator
train_cfg = dict(max_iters=2, val_interval=1)
default_hooks = dict(
    average=dict(type='AverageWeightsHook'),
    early=dict(type='StopEarlyHook', monitor='coco/segm_mAP'),
    checkpoint=dict(save_best='coco/segm_mAP'),
)
"""

FILTER = 'train_dataloader["dataset"]["filter_cfg"] = dict(filter_empty_gt=True)'

names_of_images = st.lists(st.text('abc/0123', min_size=1, max_size=8), unique=True, max_size=40)


@given(names_of_images, st.integers(0, 5), st.data())
def test_choices_are_nested_and_independent_of_the_order(names, seed, data):
    small, large = sorted(data.draw(st.tuples(*[st.integers(0, len(names))] * 2)))
    chosen = choose_images(names, large, seed)
    assert len(chosen) == len(set(chosen)) == large and chosen == sorted(chosen)
    assert set(choose_images(names, small, seed)) <= set(chosen)
    shuffled = data.draw(st.permutations(names))
    assert {shuffled[place] for place in choose_images(shuffled, large, seed)} == {names[place] for place in chosen}


@given(names_of_images, st.integers(0, 5))
def test_more_data_take_no_other_places_first(names, seed):
    """An image that a config filters out makes room for the next one; the others stay."""
    whole = {names[place] for place in choose_images(names, len(names) // 2, seed)}
    left = names[1:]
    part = {left[place] for place in choose_images(left, min(len(names) // 2, len(left)), seed)}
    assert whole - part <= set(names[:1])


def test_choices_are_random():
    names = [f'{number}.png' for number in range(200)]
    counts = [0] * 200
    for seed in range(200):
        for place in choose_images(names, 50, seed):
            counts[place] += 1
    # 200 draws with a chance of 1/4 each: a mean of 50 with a standard deviation of 6
    assert min(counts) > 20 and max(counts) < 80


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp('data') / 'scenes'
    make_scenes(folder, num_train=8, num_val=2, size=(96, 80), progress=False)
    return folder


def write_config(folder, scenes, name='small.py', extra=''):
    path = folder / name
    path.write_text(CONFIG.format(base=REPOSITORY / 'configs/solo/solo_effl0_scenes.py', data=scenes) + extra)
    return path


def chosen_names(job):
    """Names of the images that a run trains on."""
    dataset = DATASETS.build({**job.config['train_dataloader']['dataset'], 'pipeline': []})
    return {Path(dataset.get_data_info(place)['img_path']).name for place in range(len(dataset))}


def test_plan(tmp_path, scenes):
    shuffled = shutil.copytree(scenes, tmp_path / 'shuffled')
    annotations = shuffled / 'annotations/instances_train.json'
    content = json.loads(annotations.read_text())
    # one more image without objects, which the configs filter out
    shutil.copy(shuffled / 'images/train' / content['images'][0]['file_name'], shuffled / 'images/train/empty.png')
    content['images'].append({**content['images'][0], 'id': 10**6, 'file_name': 'empty.png'})
    random.Random(0).shuffle(content['images'])
    assert content['images'][-1]['file_name'] != 'empty.png'
    annotations.write_text(json.dumps(content))
    one = write_config(tmp_path, scenes, extra=FILTER)
    other = write_config(tmp_path, shuffled, 'other.py', FILTER)
    points = plan_curve([one, other], [5, None, 3], [4, 0], tmp_path / 'runs')
    assert [(point.config, point.images) for point in points] == [
        (name, number) for name in ('small', 'other') for number in (3, 5, 7)
    ]
    names = {(job.rung, job.seed): chosen_names(job) for point in points for job in point.jobs}
    for seed in (4, 0):
        for number in (3, 5, 7):
            own = names[f'small/{number}_images', seed]
            assert len(own) == number and own == names[f'other/{number}_images', seed]
        assert names['small/3_images', seed] < names['small/5_images', seed] < names['small/7_images', seed]
    assert names['small/3_images', 4] != names['small/3_images', 0]
    for job in points[0].jobs:
        assert job.iterations == 2 and job.config['randomness']['seed'] == job.seed
        hooks = job.config['default_hooks']
        # all trainings are of one length, and there is no validation
        assert 'average' in hooks and 'early' not in hooks and 'save_best' not in hooks['checkpoint']
    (longer,) = plan_curve([one], [3], [0], tmp_path / 'runs', max_iters=5)[0].jobs
    assert longer.iterations == 5 and longer.digest != points[0].jobs[1].digest


@pytest.mark.parametrize(
    ('images', 'extra', 'message'),
    [
        ([9], '', '--images 9: .*small.py has 8 training images; say all'),
        ([3], "train_cfg = dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs=2)", 'counts epochs'),
        ([3], 'train_dataloader = dict(dataset=dict(indices=4))', 'no indices of its own'),
    ],
)
def test_what_has_no_curve(tmp_path, scenes, images, extra, message):
    path = write_config(tmp_path, scenes)
    (tmp_path / 'child').mkdir()
    child = tmp_path / 'child' / 'small.py'
    child.write_text(f"_base_ = '{path}'\n{extra}\n")
    with pytest.raises(ConfigError, match=message):
        plan_curve([child], images, [0], tmp_path)
    with pytest.raises(ConfigError, match='two configs of this name'):
        plan_curve([path, child], [3], [0], tmp_path)


def test_trains_tests_and_goes_on(tmp_path, scenes):
    config = write_config(tmp_path, scenes)
    runs = tmp_path / 'runs'
    command = [sys.executable, TOOL, config, '--images', '3', '--seeds', '0', '--work-dir', runs]
    environment = {**os.environ, 'PYTHONPATH': str(REPOSITORY)}
    first = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert first.returncode == 0, first.stderr
    assert 'small/3_images/seed0: coco/segm_mAP' in first.stdout and '| config | 3 images |' in first.stdout
    record = json.loads(next((runs / 'small/3_images/seed0').glob('run_train_*.json')).read_text())
    assert len(record['config']['train_dataloader']['dataset']['indices']) == 3
    files = [runs / 'small/3_images/seed0/result.json', runs / 'learning_curve.md', runs / 'learning_curve.png']
    assert all(path.is_file() for path in files)

    written = files[0].stat().st_mtime_ns
    again = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert again.returncode == 0, again.stderr
    assert files[0].stat().st_mtime_ns == written and len(list(files[0].parent.glob('run_train_*.json'))) == 1


def test_table_and_picture(tmp_path, scenes):
    one = write_config(tmp_path, scenes)
    make_scenes(tmp_path / 'few', num_train=4, num_val=1, size=(96, 80), progress=False)
    other = write_config(tmp_path, tmp_path / 'few', 'other.py')
    points = plan_curve([one, other], [2, None], [0, 1], tmp_path)
    for point in points:
        for job in point.jobs:
            job.folder.mkdir(parents=True)
            metrics = {'coco/segm_mAP': point.images / 100 + job.seed / 50, 'coco/segm_mAP_50': 0.5}
            if point.images == 2 and job.seed == 0:
                metrics = {'semantic/mIoU': 0.5}  # the model found no object
            result = RunResult(job.rung, job.seed, metrics, '2026-01-01 00:00:00')
            job.result_path.write_text(json.dumps(asdict(result)))
    table, picture = write_curve(points, 'coco/segm_mAP', tmp_path)
    lines = table.read_text().splitlines()
    assert lines[0] == '| config | 2 images | 4 images | 8 images |'
    assert lines[2] == '| `small` | 2.00 ± 2.83 | – | 9.00 ± 1.41 |'
    assert lines[3] == '| `other` | 2.00 ± 2.83 | 5.00 ± 1.41 | – |'
    assert 'Pooled over all of them it is 2.00' in lines[-1]
    assert picture.read_bytes().startswith(b'\x89PNG')
    for metric, message in (('coco/segm_AP', 'Near it: coco/segm_mAP'), ('PQ', 'They have coco/segm_mAP, ')):
        with pytest.raises(ConfigError, match=f'--metric {metric}: no test has such a number. {message}'):
            write_curve(points, metric, tmp_path)
