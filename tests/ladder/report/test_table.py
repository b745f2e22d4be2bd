"""The table of a ladder, from results that were made up."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from PIL import Image
from scipy.stats import t as student

from ladder_cases import CHILD, ROOT, TESTED, write_ladder
from mmdet_panseg.errors import ConfigError
from mmdet_panseg.ladder import (
    NOISE_RULE,
    RunResult,
    RunSettings,
    compare_rungs,
    current_results,
    pooled_noise,
    read_ladder,
    read_results,
    write_table,
)
from mmdet_panseg.ladder.report.picture import ladder_picture

WORSE = CHILD.replace('num_outs=3', 'num_outs=4').replace('21.0', '19.5').replace('higher', 'a|b')
SINGLE = CHILD.replace('num_outs=3', 'num_outs=5').replace('21.0', "None, published_note='no difference'")
APS = dict(root=[0.10, 0.12, 0.11], child=[0.20, 0.22, 0.21], worse=[0.11, 0.13, 0.12], single=[0.3])


@pytest.fixture
def ladder(tmp_path):
    return read_ladder(write_ladder(tmp_path, worse=WORSE, single=SINGLE, unrun=CHILD.replace('=3', '=6')))


def write_results(work_dir, aps=APS, **changes):
    for rung, values in aps.items():
        for seed, ap in enumerate(values):
            if ap is None:
                continue
            folder = work_dir / rung / f'seed{seed}'
            folder.mkdir(parents=True)
            settings = dict(
                rung=rung,
                seed=seed,
                root_iterations=10,
                data='',
                settings='',
                metrics={'coco/segm_mAP': ap},
                versions=dict(torch='2.9'),
                date='2026-11-22 05:00:00',
                rung_digest='',
            )
            (folder / 'result.json').write_text(json.dumps(asdict(RunResult(**{**settings, **changes}))))
    return work_dir


def test_rows_compare_with_the_parent(ladder, tmp_path):
    rows = {row.rung.name: row for row in compare_rungs(ladder, read_results(write_results(tmp_path / 'runs')))}
    assert set(rows) == {'root', 'child', 'worse', 'single', 'unrun'}
    assert math.isclose(rows['root'].mean, 11) and math.isclose(rows['root'].std, 1)
    assert rows['root'].difference is None and rows['root'].outside_noise is None
    child, worse, single, unrun = (rows[name] for name in ('child', 'worse', 'single', 'unrun'))
    assert math.isclose(child.difference, 10) and child.outside_noise is True and child.direction == 'same'
    assert math.isclose(worse.difference, 1) and worse.outside_noise is False and worse.direction == '–'
    assert worse.published_difference == -0.5
    assert single.std is None and single.outside_noise is True and single.rung.published == 'no difference'
    assert unrun.mean is None and unrun.difference is None


def test_results_of_a_config_that_has_changed_are_left_out(tmp_path, log):
    folder = write_ladder(tmp_path, worse=WORSE)
    before = read_ladder(folder)
    own = RunSettings('own')
    digests = {rung.name: own.rung_digest(before, rung) for _, rung in before.walk()}
    for name in ('root', 'child', 'worse'):
        write_results(tmp_path / 'runs', {name: APS[name]}, data='own', rung_digest=digests[name])
    results = read_results(tmp_path / 'runs')
    assert current_results(before, results) == results

    (folder / 'worse.py').write_text(WORSE.replace('num_outs=4', 'num_outs=5'))
    assert {result.rung for result in current_results(read_ladder(folder), results)} == {'root', 'child'}
    assert 'worse/seed2: left out, since the config has changed' in log.text
    with pytest.raises(ConfigError, match='configs of all runs have changed'):
        current_results(read_ladder(folder), [result for result in results if result.rung == 'worse'])
    by_hand = [replace(result, data='', rung_digest='') for result in results]
    assert current_results(read_ladder(folder), by_hand) == by_hand


def test_an_opposite_direction_is_seen(ladder, tmp_path):
    results = read_results(write_results(tmp_path / 'runs', dict(root=[0.1, 0.1], worse=[0.2, 0.2])))
    (worse,) = (row for row in compare_rungs(ladder, results) if row.rung.name == 'worse')
    assert worse.outside_noise is True and worse.direction == 'opposite'


@pytest.mark.parametrize('seed', range(20))
def test_variance_is_pooled_over_the_trained_rungs(tmp_path, seed):
    """Rungs with one seed are judged by it too; one that is only tested is not part of it."""
    random = np.random.default_rng(seed)
    aps = {
        name: (random.normal(size=random.integers(1, 4)) / 100 + 0.2).tolist() for name in ('root', 'child', 'worse')
    }
    aps['child'] += [0.2, 0.21]
    tested = {'tested': [0.9, 0.1]}
    rows = rows_of(tmp_path, {**aps, **tested}, worse=WORSE, tested=TESTED)
    squares = [(100 * (ap - np.mean(values))) ** 2 for values in aps.values() for ap in values]
    degrees = len(squares) - 3
    variance = sum(squares) / degrees
    assert pooled_noise([rows[name].main for name in aps]) == pytest.approx((variance, degrees))
    assert rows['root'].seed_noise == pytest.approx((variance, degrees))
    for name in ('child', 'worse'):
        difference = 100 * (np.mean(aps[name]) - np.mean(aps['root']))
        error = (variance * (1 / len(aps[name]) + 1 / len(aps['root']))) ** 0.5
        assert math.isclose(rows[name].difference, difference, abs_tol=1e-9)
        assert rows[name].outside_noise == (abs(difference) > student.ppf(0.975, degrees) * error)


def test_rungs_that_repeat_their_parent_say_nothing_new_of_the_noise():
    assert pooled_noise([[5.9, 5.5], [5.9, 5.5], [4.0, 4.8]]) == pooled_noise([[5.9, 5.5], [4.0, 4.8]])


def test_rounding_is_no_finding(tmp_path):
    """Differences of the last digit, equal by chance in both seeds."""
    rows = rows_of(tmp_path, dict(root=[0.2], child=[0.1, 0.2], tested=[0.101, 0.201]), tested=TESTED)
    assert math.isclose(rows['tested'].difference, 0.1) and rows['tested'].outside_noise is False
    assert pooled_noise([[10.0, 10.0]]).deviation > 0.02


def test_without_a_second_seed_the_noise_is_unknown(tmp_path):
    rows = rows_of(tmp_path, dict(root=[0.1], child=[0.4]), worse=WORSE)
    assert rows['child'].outside_noise is None and rows['child'].seed_noise is None


def rows_of(folder, aps, **rungs):
    ladder = read_ladder(write_ladder(folder, **rungs))
    return {row.rung.name: row for row in compare_rungs(ladder, read_results(write_results(folder / 'runs', aps)))}


def test_a_rung_that_is_only_tested_is_compared_seed_by_seed(tmp_path):
    """Seeds vary far more than the test does; as trained rungs the two would be within the noise."""
    aps = dict(root=[0.1], child=[0.1, 0.2, 0.3], tested=[0.11, 0.212, 0.311])
    rows = rows_of(tmp_path, aps, tested=TESTED, again=TESTED.replace('child', 'tested').replace('segm', 'bbox'))
    tested = rows['tested']
    assert tested.weights == rows['again'].weights == 'child' == rows['child'].weights
    assert math.isclose(tested.difference, 1.1) and tested.outside_noise is True
    (tmp_path / 'apart').mkdir()
    trained = rows_of(tmp_path / 'apart', dict(root=aps['child'], child=aps['tested']))['child']
    assert math.isclose(trained.difference, 1.1) and trained.outside_noise is False
    assert rows['again'].difference is None and rows['again'].outside_noise is None


@pytest.mark.parametrize('seed', range(10))
def test_only_seeds_that_both_have_are_compared(tmp_path, seed):
    random = np.random.default_rng(seed)
    own, its = ([float(v) if random.random() < 0.7 else None for v in random.random(5) / 10] for _ in range(2))
    own[0], its[1] = 0.05, 0.06
    tested = rows_of(tmp_path, dict(child=its, tested=own), tested=TESTED)['tested']
    pairs = [100 * (a - b) for a, b in zip(own, its, strict=True) if a is not None and b is not None]
    if not pairs:
        assert tested.difference is None
    else:
        assert math.isclose(tested.difference, np.mean(pairs))
    if len(pairs) > 1:
        t = student.ppf(0.975, len(pairs) - 1)
        assert tested.outside_noise == (abs(np.mean(pairs)) > t * np.std(pairs, ddof=1) / len(pairs) ** 0.5)
    else:
        assert tested.outside_noise is None


METRICS = "metrics={'PQ': 'coco_panoptic/PQ', 'mIoU': 'semantic/mIoU'}"
OTHER_ROOT = ROOT.replace('published_ap=20.0', METRICS)
OTHER_CHILD = CHILD.replace('published_ap=21.0, ', '')


def test_the_root_names_the_metrics(tmp_path):
    tested = TESTED.replace('published_ap=None, ', '')
    ladder = read_ladder(write_ladder(tmp_path, root=OTHER_ROOT, child=OTHER_CHILD, tested=tested))
    runs = tmp_path / 'runs'
    for rung, quality, iou in (('root', 0.4, 0.7), ('child', 0.5, 0.6), ('tested', 0.52, 0.6)):
        write_results(runs, {rung: [0.1, 0.1]}, metrics={'coco_panoptic/PQ': quality, 'semantic/mIoU': iou})
    results = read_results(runs)
    markdown, table, picture = write_table(compare_rungs(ladder, results), results, tmp_path / 'out')
    lines = markdown.read_text().splitlines()
    assert lines[0] == '| rung | change | schedule | seeds | PQ | std | difference | outside the noise | mIoU |'
    assert lines[3:5] == [
        '| &emsp;`child` | higher | 1x | 2 | 50.00 | 0.00 | +10.00 | yes | 60.00 |',
        '| &emsp;&emsp;`tested` † | tested otherwise | 1x | 2 | 52.00 | 0.00 | +2.00 | yes | 60.00 |',
    ]
    assert '† tested with the weights of the nearest rung above that trains.' in lines
    records = list(csv.DictReader(io.StringIO(table.read_text())))
    assert [record['weights of'] for record in records] == ['root', 'child', 'child']
    assert records[1]['PQ of each seed'] == '50.00 50.00' and records[1]['mIoU of each seed'] == '60.00 60.00'
    pixels = np.asarray(Image.open(picture).convert('RGB')).reshape(-1, 3)
    assert (pixels == (31, 119, 180)).all(1).any() and not (pixels == (255, 127, 14)).all(1).any()


def test_another_metric_is_the_main_one(tmp_path):
    """A column that the first metric had moves to the others."""
    ladder = read_ladder(write_ladder(tmp_path, root=OTHER_ROOT, child=OTHER_CHILD))
    runs = tmp_path / 'runs'
    for rung, quality, iou in (('root', 0.4, 0.7), ('child', 0.5, 0.6)):
        write_results(runs, {rung: [0.1, 0.1]}, metrics={'coco_panoptic/PQ': quality, 'semantic/mIoU': iou})
    rows = compare_rungs(ladder, read_results(runs), 'mIoU')
    assert list(rows[1].values) == ['mIoU', 'PQ']
    assert math.isclose(rows[1].difference, -10) and math.isclose(rows[1].mean, 60)
    with pytest.raises(ConfigError, match="no metric 'AP'; take one of PQ, mIoU"):
        compare_rungs(ladder, read_results(runs), 'AP')


def test_a_metric_that_no_run_has(tmp_path):
    ladder = read_ladder(write_ladder(tmp_path, root=OTHER_ROOT, child=OTHER_CHILD))
    results = read_results(write_results(tmp_path / 'runs', dict(root=[0.1])))
    with pytest.raises(ConfigError, match=r"'coco_panoptic/PQ' \(PQ\); they have coco/segm_mAP. .*ablation.metrics"):
        compare_rungs(ladder, results)


def test_a_run_that_found_nothing_counts_as_zero(ladder, tmp_path):
    runs = write_results(tmp_path / 'runs', dict(root=[0.1]))
    write_results(runs, dict(child=[0.1]), metrics={})
    (child,) = (row for row in compare_rungs(ladder, read_results(runs)) if row.rung.name == 'child')
    assert child.mean == 0 and math.isclose(child.difference, -10)


def test_a_metric_that_a_run_does_not_report_is_unknown(tmp_path):
    ladder = read_ladder(write_ladder(tmp_path))
    results = read_results(write_results(tmp_path / 'runs', dict(root=[0.1])))
    root = compare_rungs(ladder, results)[0]
    assert root.values['AP50'] == {} and math.isclose(root.mean, 10)
    lines = write_table([root], results, tmp_path / 'out', 'other')[0].read_text().splitlines()
    assert lines[2].endswith('| – | – |') and (tmp_path / 'out/other.csv').is_file()


def test_files(ladder, tmp_path):
    results = read_results(write_results(tmp_path / 'runs'))
    markdown, table, picture = write_table(compare_rungs(ladder, results), results, tmp_path / 'out')
    lines = markdown.read_text().splitlines()
    assert lines[2].startswith('| `root` | wider | 1x | 20.0 | – | 3 | 11.00 | 1.00 | – | – | – |')
    child = '| &emsp;`child` | higher | 1x | 21.0 | +1.0 | 3 | 21.00 | 1.00 | +10.00 | yes | same | – | – |'
    assert child in lines
    assert any('a\\|b' in line for line in lines)
    assert NOISE_RULE in lines and any('10 runs; 10 iterations of the root; ' in line for line in lines)
    records = list(csv.DictReader(io.StringIO(table.read_text())))
    assert [record['rung'] for record in records][:2] == ['root', 'worse']
    assert records[0]['difference'] == records[0]['parent'] == '' and '–' not in table.read_text()
    child = next(record for record in records if record['rung'] == 'child')
    assert child['parent'] == 'root' and child['mask AP of each seed'] == '20.00 22.00 21.00'
    pixels = np.asarray(Image.open(picture).convert('RGB'))
    colors = {tuple(color) for color in np.unique(pixels.reshape(-1, 3), axis=0)}
    assert {(31, 119, 180), (255, 127, 14)} <= colors  # dots of measured and published AP


def test_models_that_found_nothing_have_a_table(ladder, tmp_path):
    results = read_results(write_results(tmp_path / 'runs', dict(root=[0.1], child=[0.2]), metrics={}))
    rows = {row.rung.name: row for row in compare_rungs(ladder, results)}
    assert rows['root'].mean == rows['child'].mean == rows['child'].difference == 0


def test_rows_of_some_rungs(ladder, tmp_path):
    """With the differences and the noise of the whole ladder."""
    results = read_results(write_results(tmp_path / 'runs'))
    (row,) = compare_rungs(ladder, results, only=['child'])
    assert row == next(row for row in compare_rungs(ladder, results) if row.rung.name == 'child')
    lines = write_table([row], results, tmp_path / 'out')[0].read_text().splitlines()
    assert lines[0].startswith('| rung | parent | change |') and lines[2].startswith('| `child` | root | higher |')
    with pytest.raises(ConfigError, match='--only chid: no such rung'):
        compare_rungs(ladder, results, only=['chid'])


@pytest.mark.parametrize('name', ['out', 'out/deeper'])
def test_a_file_is_no_folder_to_write_to(ladder, tmp_path, name):
    (tmp_path / 'out').write_text('')
    results = read_results(write_results(tmp_path / 'runs'))
    with pytest.raises(ConfigError, match=f'--out .*{name}: there is a file'):
        write_table(compare_rungs(ladder, results), results, tmp_path / name)


def test_the_picture_shows_what_is_outside_of_the_noise(ladder, tmp_path):
    results = read_results(write_results(tmp_path / 'runs'))
    rows = compare_rungs(ladder, results, only=['child'])
    inside, outside, unknown = (
        ladder_picture([replace(row, outside_noise=verdict) for row in rows]) for verdict in (False, True, None)
    )
    assert outside != inside == unknown


def test_one_result_is_enough_for_all_files(ladder, tmp_path):
    results = read_results(write_results(tmp_path / 'runs', dict(root=[0.1])))
    assert all(path.stat().st_size for path in write_table(compare_rungs(ladder, results), results, tmp_path / 'out'))


def test_the_table_names_the_settings(ladder, tmp_path):
    results = read_results(write_results(tmp_path / 'runs', dict(root=[0.1]), settings='--amp'))
    write_table(compare_rungs(ladder, results), results, tmp_path / 'out')
    assert '10 iterations of the root --amp; ' in (tmp_path / 'out/ladder.md').read_text()


def test_rungs_that_were_trained_and_tested_by_hand(ladder, tmp_path):
    """What tools/test.py leaves in its default folders, or in one for each seed; other folders are no matter."""
    runs = tmp_path / 'work_dirs'
    values = {'root': 0.1, 'child/seed0': 0.2, 'child/seed1': 0.22, 'a_config_of_no_rung': 0.9, 'child/seed1/test': 0.9}
    for name, ap in values.items():
        (runs / name).mkdir(parents=True)
        record = dict(config='c.py', checkpoint='c.pth', metrics={'coco/segm_mAP': ap})
        (runs / name / 'test_metrics.json').write_text(json.dumps(record))
    results = read_results(runs)
    rows = {row.rung.name: row for row in compare_rungs(ladder, results)}
    assert rows['root'].values['mask AP'] == pytest.approx({0: 10})
    assert rows['child'].values['mask AP'] == pytest.approx({0: 20, 1: 22})
    markdown = write_table(list(rows.values()), results, tmp_path / 'out')[0].read_text()
    assert '3 runs; trainings with tools/train.py as their configs say; ' in markdown
    (runs / 'root/test_metrics.json').write_text('[]')
    with pytest.raises(ConfigError, match=r'root/test_metrics.json: is no result of tools/test.py'):
        read_results(runs)


def test_results_that_cannot_be_compared(ladder, tmp_path):
    with pytest.raises(ConfigError, match='no results'):
        read_results(tmp_path)
    runs = write_results(tmp_path / 'runs', dict(root=[0.1]))
    write_results(tmp_path / 'runs', dict(child=[0.1]), root_iterations=20)
    with pytest.raises(
        ConfigError, match=r'cannot be compared \(10 iterations of the root; 20 iterations of the root\)'
    ):
        read_results(runs)
    write_results(tmp_path / 'mixed', dict(root=[0.1]))
    write_results(tmp_path / 'mixed', dict(child=[0.1]), settings='--amp')
    with pytest.raises(ConfigError, match=r'\(10 iterations of the root; 10 iterations of the root --amp\)'):
        read_results(tmp_path / 'mixed')
    for text in ('{}', '[]', '{'):
        (runs / 'child/seed0/result.json').write_text(text)
        with pytest.raises(ConfigError, match='child/seed0/result.json: is no result of a run'):
            read_results(runs)
    others = read_results(write_results(tmp_path / 'others', dict(stranger=[0.1])))
    with pytest.raises(ConfigError, match='none of the results'):
        write_table(compare_rungs(ladder, others), others, tmp_path / 'out')
