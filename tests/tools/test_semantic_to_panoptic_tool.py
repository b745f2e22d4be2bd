"""``tools/dataset_tools/semantic_to_panoptic.py`` as a user runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

TOOL = 'dataset_tools/semantic_to_panoptic.py'


@pytest.fixture
def source(tmp_path):
    """Two splits with a road and, on it, two cars of 30 pixels and one of 4."""
    root = tmp_path / 'street'
    label_map = np.zeros((20, 30), np.uint8)
    for x in (2, 12):
        label_map[4:9, x : x + 6] = 1
    label_map[15:17, 20:22] = 1
    for split in ('train', 'val'):
        for folder, picture in (('images', np.zeros((20, 30, 3), np.uint8)), ('labels', label_map)):
            (root / folder / split).mkdir(parents=True)
            Image.fromarray(picture).save(root / folder / split / 'one.png')
    return root


def test_a_short_command_converts_both_splits_and_says_what_was_made(call_tool, tmp_path, source):
    (source / 'meta.json').write_text(json.dumps(dict(classes=['road', 'car'])))
    run = call_tool(TOOL, source, '--out', 'new/street', '--things', 'car')
    assert run.returncode == 0, run.stderr
    lines = [line.replace('│', ' ').split() for line in run.stdout.splitlines()]
    assert ['car', '2', '10.00%', '1', '2', '10.00%', '1'] in lines
    assert ['road', '1', '89.33%', '1', '89.33%'] in lines
    assert 'weak' in run.stdout and '2 components below 25 pixels' in run.stdout and 'became void' in run.stdout
    for split in ('train', 'val'):
        content = json.loads((tmp_path / 'new' / 'street' / 'annotations' / f'instances_{split}.json').read_text())
        assert [annotation['area'] for annotation in content['annotations']] == [30, 30]


@pytest.mark.parametrize('as_file', [False, True])
def test_class_names_come_from_the_command_line_or_a_file(call_tool, tmp_path, source, as_file):
    (tmp_path / 'names.txt').write_text('way\nvehicle\n')
    names = ['names.txt'] if as_file else ['way', 'vehicle']
    options = ('--split', 'val', '--min-area', '1', '--small', 'crowd', '--pictures', 'none')
    run = call_tool(TOOL, source, '--out', 'out', '--things', 'vehicle', '--classes', *names, *options)
    assert run.returncode == 0, run.stderr
    content = json.loads((tmp_path / 'out' / 'annotations' / 'panoptic_val.json').read_text())
    assert [category['name'] for category in content['categories']] == ['vehicle', 'way']
    assert len(content['annotations'][0]['segments_info']) == 4
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['annotations']


def test_errors_are_one_line(call_tool, tmp_path, source):
    run = call_tool(TOOL, source, '--out', 'out', '--things', 'car')
    assert run.returncode == 2 and 'meta.json' in run.stderr and not (tmp_path / 'out').exists()
    run = call_tool(TOOL, source, '--out', 'out', '--things', 'car', '--classes', 'road', 'bus')
    assert 'car: no such class' in run.stderr
    run = call_tool(TOOL, source, '--out', source, '--classes', 'road', 'car', '--overwrite')
    assert 'was not made by this conversion' in run.stderr


def test_a_killed_run_leaves_nothing(tool_environment, tmp_path, source, repository):
    label_map = (source / 'labels' / 'train' / 'one.png').read_bytes()
    for k in range(4000):
        for folder in ('images', 'labels'):
            (source / folder / 'train' / f'{k}.png').write_bytes(label_map)
    command = [sys.executable, str(repository / 'tools' / TOOL), str(source), '--out', 'out', '--classes', 'a', 'b']
    environment = {**tool_environment, 'PYTHONPATH': str(repository)}
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, **quiet)
    while not list(tmp_path.glob('.out.partial-*/annotations/panoptic_train/*.png')):
        assert process.poll() is None, 'ended before it wrote anything'
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    assert sorted(path.name for path in tmp_path.iterdir()) == ['street']
