"""``tools/test.py`` as a user runs it."""

from __future__ import annotations

import json
import os
import re

import pytest
import torch

from panoptic_solo_cases import PANOPTIC, build, changed
from toy_run import write_echo_config, write_panoptic_echo_config

COCO_LINE = re.compile(r'Average (Precision|Recall) .*\] = (-?[\d.]+)')


class RunsOnLoad:
    """Unpickling makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / 'weights.pth'
    torch.save(dict(state_dict=dict(weight=torch.ones(3))), path)
    return path


def test_prints_the_coco_table_and_writes_json(run_tool, tmp_path, weights):
    config = write_echo_config(tmp_path, miss=(3,))
    dumps = ('--out', tmp_path / 'found.pkl', '--show-dir', 'painted')
    run = run_tool('test.py', config, weights, '--classwise', *dumps)
    assert run.returncode == 0, run.stderr
    values = [float(match[2]) for match in COCO_LINE.finditer(run.stdout)]
    assert len(values) == 24
    assert values[0] == values[12] == pytest.approx(0.75, abs=0.01)  # one image of four has no predictions
    assert re.search(r'\| cat +\| 0\.7', run.stdout)
    written = json.loads((tmp_path / 'test' / 'test_metrics.json').read_text())
    metrics = written['metrics']
    for kind in ('bbox', 'segm'):
        names = [name for name in metrics if name.startswith(f'coco/{kind}_')]
        assert len(names) == 12 + 2  # and each class
        assert metrics[f'coco/{kind}_mAP'] == pytest.approx(0.75, abs=0.01)
        assert metrics[f'coco/{kind}_mAP_l'] == -1  # there are no large objects
    assert metrics['coco/segm_dog_precision'] == pytest.approx(0.75, abs=0.01)
    assert len(list((tmp_path / 'test').glob('*/painted/*.png'))) == 4
    assert (tmp_path / 'found.pkl').exists() and list((tmp_path / 'test').glob('run_test_*.json'))


def test_prints_three_tables_for_a_panoptic_model(call_tool, tmp_path, weights):
    config = write_panoptic_echo_config(tmp_path, miss=(3,))
    run = call_tool('test.py', config, weights, '--classwise')
    assert run.returncode == 0, run.stderr
    assert COCO_LINE.search(run.stdout)
    metrics = json.loads((tmp_path / 'test' / 'test_metrics.json').read_text())['metrics']
    # the one image without objects: each class has 3 of 4 segments and no false one, and stuff covers the things
    assert metrics['coco/segm_mAP'] == pytest.approx(0.75, abs=0.01)
    assert metrics['coco_panoptic/PQ'] == pytest.approx(3 / 3.5) and metrics['coco_panoptic/SQ'] == 1
    assert metrics['semantic/mAcc'] == pytest.approx((0.75 + 0.75 + 1) / 3)
    for name in ('coco/segm_dog_precision', 'coco_panoptic/dog_PQ', 'coco_panoptic/grass_PQ', 'semantic/grass_IoU'):
        assert 0.7 < metrics[name] < 0.9
    assert re.search(r'\| all +\| 0\.8571 \|', run.stdout) and re.search(r'\| grass +\| 0\.8571 \|', run.stdout)
    assert re.search(r'\| mIoU +\|', run.stdout) and re.search(r'\| dog +\| 0\.75', run.stdout)


def test_a_model_that_finds_nothing_has_a_json_too(call_tool, tmp_path, weights):
    config = write_echo_config(tmp_path, miss=(0, 1, 2, 3))
    run = call_tool('test.py', config, weights, '--json', tmp_path / 'metrics.json')
    assert run.returncode == 0, run.stderr
    metrics = json.loads((tmp_path / 'metrics.json').read_text())['metrics']
    assert metrics['coco/segm_mAP'] == metrics['coco/bbox_mAP'] == 0
    assert 'the model found nothing' in run.stdout


def test_code_in_checkpoints_is_run_on_request_only(call_tool, tmp_path):
    config, target = write_echo_config(tmp_path), tmp_path / 'created'
    content = dict(state_dict=dict(weight=torch.ones(3)), extra=RunsOnLoad(str(target)))
    torch.save(content, tmp_path / 'evil.pth')
    run = call_tool('test.py', config, tmp_path / 'evil.pth')
    assert run.returncode == 2 and 'mkdir' in run.stderr and '--trust-checkpoint' in run.stderr
    assert 'Traceback' not in run.stderr and not target.exists()
    run = call_tool('test.py', config, tmp_path / 'evil.pth', '--trust-checkpoint')
    assert run.returncode == 0, run.stderr
    assert target.exists()


@pytest.mark.parametrize('known', [False, True])
def test_checkpoints_of_other_models_are_refused(call_tool, tmp_path, known):
    config = write_echo_config(tmp_path)
    if known:  # as configs of this repository have it, where a training may start from other weights
        config.write_text(config.read_text() + "\ncustom_hooks = [dict(type='CheckpointMatchHook')]\n")
    torch.save(dict(state_dict=dict(weight=torch.ones(4))), tmp_path / 'other.pth')
    run = call_tool('test.py', config, tmp_path / 'other.pth')
    assert run.returncode == 2 and 'weight (file [4], model [3])' in run.stderr and 'Traceback' not in run.stderr


def test_the_tested_file_is_recorded(call_tool, tmp_path, weights):
    config = write_echo_config(tmp_path)
    (tmp_path / 'trained').mkdir()
    weights.rename(tmp_path / 'trained' / 'iter_5.pth')
    run = call_tool('test.py', config, 'trained')
    assert run.returncode == 0, run.stderr
    record = json.loads((tmp_path / 'test' / 'test_metrics.json').read_text())
    assert record['checkpoint'] == 'trained/iter_5.pth' and record['config'] == str(config)


def test_annotations_of_other_images_are_refused(call_tool, tmp_path, weights):
    config = write_echo_config(tmp_path)
    for option, text in (('vla.json', "'vla.json' does not exist"), ('other.json', 'of the images of the data')):
        (tmp_path / 'other.json').write_text((tmp_path / 'truth.json').read_text().replace('2.png', 'b2.png'))
        run = call_tool('test.py', config, weights, '--cfg-options', f'test_evaluator.ann_file={option}')
        assert run.returncode == 2 and text in run.stderr and 'Traceback' not in run.stderr
        assert run.stderr.count('test_evaluator.ann_file') == 1


def test_views_of_other_sizes_and_mirrored_are_merged(call_tool, tmp_path):
    config = write_panoptic_echo_config(tmp_path)
    counts = dict(num_things=2, num_stuff=1)
    model = changed(PANOPTIC, mask_head=dict(num_classes=2), semantic_head=counts, fusion_head=counts)
    resize = dict(type='Resize', scale=(96, 72), keep_ratio=True)
    text = f'model = {model.to_dict()!r}\ntest_dataloader["dataset"]["pipeline"].insert(1, {resize!r})\n'
    config.write_text(f'{config.read_text()}\n{text}')
    torch.manual_seed(0)
    torch.save(dict(state_dict=build(model).state_dict()), tmp_path / 'trained.pth')
    found = []
    for views in ((), ('--tta',), ('--tta-scales', 0.7, 1)):
        run = call_tool('test.py', config, tmp_path / 'trained.pth', *views, '--show-dir', 'painted')
        assert run.returncode == 0, run.stderr
        found.append(json.loads((tmp_path / 'test' / 'test_metrics.json').read_text())['metrics'])
    assert found[0].keys() == found[1].keys() == found[2].keys()
    assert len({metrics['semantic/mIoU'] for metrics in found}) == 3
    run = call_tool('test.py', config, tmp_path / 'trained.pth', '--tta-scales', 0)
    assert run.returncode == 2 and '--tta-scales: 0 should be above 0' in run.stderr


@pytest.mark.parametrize('workers', [0, 1])
def test_a_broken_image_is_one_message(call_tool, tmp_path, weights, workers):
    config = write_panoptic_echo_config(tmp_path)
    broken = tmp_path / '2.png'
    broken.write_bytes(broken.read_bytes()[:40])
    run = call_tool('test.py', config, weights, '--cfg-options', f'test_dataloader.num_workers={workers}')
    assert run.returncode == 2 and 'Traceback' not in run.stderr and 'worker' not in run.stderr
    assert f"error: Image '{broken}' is truncated" in run.stderr
