"""Curves of logs, also of runs that were interrupted."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from mmdet_panseg.apis.curves import best_value, choose_keys, curves_picture, curves_table, read_run, read_runs
from mmdet_panseg.apis.curves.logs import Curve
from mmdet_panseg.engine import ConfigError


def write(run, start, records, tail=''):
    folder = run / start / 'vis_data'
    folder.mkdir(parents=True)
    (folder / 'scalars.json').write_text(''.join(json.dumps(record) + '\n' for record in records) + tail)


def training(first, last, loss=lambda i: 1 / i, every=10):
    return [dict(lr=0.1, loss=loss(i), loss_mask=0.5, iter=i, step=i) for i in range(first, last + 1, every)]


def validation(iteration, value):
    return {'coco/segm_mAP': value, 'data_time': 0.1, 'step': iteration}


def test_pieces_are_joined_and_the_later_one_counts(tmp_path):
    write(tmp_path, '20260101_000000', [*training(10, 50), validation(50, 0.1), *training(60, 90)])
    write(tmp_path, '20260101_010000', [*training(60, 100, loss=lambda i: 9.0), validation(100, 0.2)])
    run = read_run(tmp_path)
    loss = run.training['loss']
    assert loss.iterations.tolist() == list(range(10, 101, 10))
    assert loss.values[-5:].tolist() == [9.0] * 5 and loss.values[4] == 1 / 50
    assert run.validation['coco/segm_mAP'].values.tolist() == [0.1, 0.2]
    assert run.validation['coco/segm_mAP'].iterations.tolist() == [50, 100]


def test_a_new_start_replaces_the_old_run_and_its_metrics(tmp_path):
    write(tmp_path, '20260101_000000', [*training(10, 50), validation(50, 0.9)])
    write(tmp_path, '20260102_000000', [*training(10, 20), validation(20, 0.1)])
    run = read_run(tmp_path)
    assert run.training['loss'].iterations.tolist() == [10, 20]
    assert run.validation['coco/segm_mAP'].values.tolist() == [0.1]


def test_metrics_of_epochs_have_the_iteration_of_the_last_record(tmp_path):
    records = [dict(loss=1.0, epoch=1, iter=7, step=7), validation(1, 0.1), dict(loss=0.5, epoch=2, iter=14, step=14)]
    write(tmp_path, '1', [*records, validation(2, 0.3)])
    curve = read_run(tmp_path).validation['coco/segm_mAP']
    assert curve.iterations.tolist() == [7, 14]


def test_metrics_of_no_epoch_have_the_iteration_of_the_last_record(tmp_path):
    write(tmp_path, '1', [*training(10, 40), validation(0, 0.1), *training(50, 80), validation(0, 0.3)])
    curve = read_run(tmp_path).validation['coco/segm_mAP']
    assert curve.iterations.tolist() == [40, 80] and curve.values.tolist() == [0.1, 0.3]


def test_tests_cut_lines_and_other_values_are_left_out(tmp_path):
    write(tmp_path, '1', [*training(10, 30), validation(30, float('nan')), {'iter': 40, 'note': 'text'}], '{"loss": 1.')
    write(tmp_path, '2', [{'coco/segm_mAP': 0.7, 'step': 0}])
    run = read_run(tmp_path)
    assert run.training['loss'].iterations.tolist() == [10, 20, 30]
    assert np.isnan(run.validation['coco/segm_mAP'].values).tolist() == [True]
    assert 'note' not in run.known_keys()


def test_a_file_or_a_start_is_a_run_too(tmp_path):
    write(tmp_path, '1', training(10, 30))
    for path in (tmp_path / '1', tmp_path / '1/vis_data/scalars.json'):
        assert read_run(path).training['loss'].iterations.tolist() == [10, 20, 30]


def test_runs_of_one_name_are_told_apart(tmp_path):
    for folder in ('a/seed0', 'b/seed0'):
        write(tmp_path / folder, '1', training(10, 20))
    assert [run.name for run in read_runs([tmp_path / 'a/seed0', tmp_path / 'b/seed0'])] == ['a/seed0', 'b/seed0']


def test_folders_without_a_log_are_an_error(tmp_path):
    with pytest.raises(ConfigError, match='no log of a training'):
        read_run(tmp_path)
    with pytest.raises(ConfigError, match='no such folder'):
        read_run(tmp_path / 'nowhere')


def test_keys(tmp_path):
    write(tmp_path / 'a', '1', [*training(10, 20), validation(20, 0.1)])
    write(tmp_path / 'b', '1', training(10, 20))
    runs = read_runs([tmp_path / 'a', tmp_path / 'b'])
    assert choose_keys(runs) == ['loss', 'coco/segm_mAP']
    assert choose_keys(runs[:1]) == ['loss', 'loss_mask', 'coco/segm_mAP']
    assert choose_keys(runs, ['lr', 'lr']) == ['lr']
    with pytest.raises(ConfigError, match=r'--keys segm_mAP: no run has it.*coco/segm_mAP'):
        choose_keys(runs, ['segm_mAP'])


def test_best_is_low_for_losses_and_high_for_metrics():
    curve = Curve(np.array([1, 2, 3, 4]), np.array([2.0, np.nan, 5.0, 5.0]))
    assert best_value('loss_cls', curve) == (2.0, 1)
    assert best_value('coco/segm_mAP', curve) == (5.0, 3)
    assert best_value('lr', curve) is best_value('data_time', curve) is None
    assert best_value('loss', Curve(np.array([1]), np.array([np.nan]))) is None


def test_the_table_has_last_and_best(tmp_path):
    write(tmp_path, '1', [*training(10, 30, loss=lambda i: abs(i - 20) + 1.5), validation(30, 0.25)])
    run = read_run(tmp_path, 'mine')
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(curves_table([run], ['loss', 'coco/segm_mAP', 'lr']))
    lines = {
        line.split('│')[2].strip(): line.split('│') for line in console.export_text().splitlines() if 'mine' in line
    }
    assert [cell.strip() for cell in lines['loss'][3:8]] == ['11.5', '30', '1.5', '20', '3']
    assert [cell.strip() for cell in lines['coco/segm_mAP'][3:8]] == ['0.25', '30', '0.25', '30', '1']
    assert [cell.strip() for cell in lines['lr'][5:7]] == ['–', '–']


def drawn(runs, keys):
    return np.array(Image.open(io.BytesIO(curves_picture(runs, keys))).convert('RGB')).astype(int)


def test_the_picture_shows_each_run_in_its_colour(tmp_path):
    write(tmp_path / 'a', '1', [*training(10, 90), validation(50, 0.1), validation(90, 0.2)])
    write(tmp_path / 'b', '1', training(10, 90, loss=lambda i: 0.05))
    runs = read_runs([tmp_path / 'a', tmp_path / 'b'])
    blue, orange = (31, 119, 180), (255, 127, 14)

    def number(picture, color):
        return int((np.abs(picture - color).max(axis=2) < 8).sum())

    one, both = drawn(runs[:1], ['loss']), drawn(runs, ['loss'])
    assert number(one, orange) == 0 < number(one, blue)
    assert number(both, orange) > 100 and number(both, blue) > 100
    wider = drawn(runs, ['loss', 'coco/segm_mAP', 'lr', 'loss_mask'])
    assert wider.shape[0] > both.shape[0] and wider.shape[1] > both.shape[1]
