"""``tools/benchmarks/panoptic.py`` on tiny images; it stops by itself where its two sides disagree."""

from __future__ import annotations

import importlib.util
import json

import pytest


@pytest.mark.parametrize('segments', [2, 9])
def test_measures_both_sides(call_tool, repository, tmp_path, monkeypatch, segments):
    monkeypatch.syspath_prepend(repository / 'tools' / 'benchmarks')
    figures = tmp_path / 'figures.json'
    small = ('--size', '71x48', '--segments', segments, '--images', 2, '--repeats', 1)
    run = call_tool('benchmarks/panoptic.py', *small, '--json', figures)
    assert run.returncode == 0, run.stderr
    rows = {row['row']: row for row in json.loads(figures.read_text())}
    assert list(rows) == ['load', 'load with masks', 'fuse', 'fuse with argmax', 'PQ', 'PQ with load']
    for name, row in rows.items():
        assert name in run.stdout and row['milliseconds']['ours'] > 0
        if 'fuse' in name or importlib.util.find_spec('panopticapi'):
            assert row['speed_up'] == row['milliseconds']['mmdet'] / row['milliseconds']['ours']
        else:
            assert row['lacking'] == 'panopticapi is not installed' and row['lacking'] in run.stdout
