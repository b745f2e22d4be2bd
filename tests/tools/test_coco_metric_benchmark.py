"""``tools/benchmarks/coco_metric.py`` on tiny images; it stops by itself where its two sides disagree."""

from __future__ import annotations

import json

import pytest


@pytest.mark.parametrize('form', ['tensor', 'rle'])
def test_measures_both_sides(call_tool, repository, tmp_path, form):
    figures = tmp_path / 'figures.json'
    small = ('--size', '71x48', '--images', 3, '--found', 9, '--objects', 4, '--classes', 2, '--radius', 9)
    run = call_tool('benchmarks/coco_metric.py', *small, '--form', form, '--json', figures)
    assert run.returncode == 0, run.stderr
    found = json.loads(figures.read_text())
    assert list(found) == ['ours', 'mmdet'] and 'mmdet / ours' in run.stdout
    for side in found.values():
        assert side['all seconds'] == pytest.approx(side['set up'] + side['process'] + side['evaluate'])
        assert side['process'] > 0 and side['evaluate'] > 0 and side['peak MiB'] >= 0
