"""``tools/benchmarks/solo_head.py`` with narrow heads on a tiny image; it stops by itself where its sides disagree."""

from __future__ import annotations

import importlib
import json
import math

import pytest

HEADS = ['solo', 'decoupled', 'decoupled-light', 'solov2']
MODES = ['train', 'test-few', 'test-many']


def check_row(row):
    seconds, memory = row['seconds'], row['memory_mib']
    assert row['case'] == '64x96x2'
    assert list(seconds) == list(memory) == ['floor', 'sparse', 'mmdet']
    assert all(0 < value < math.inf for value in seconds.values())
    assert all(0 <= value < math.inf for value in memory.values())
    assert row['time_over_floor'] == seconds['sparse'] / seconds['floor']
    assert row['mmdet_over_floor'] == seconds['mmdet'] / seconds['floor']
    assert row['speed_up'] == seconds['mmdet'] / seconds['sparse']
    assert row['memory_ratio'] == (memory['sparse'] / memory['mmdet'] if memory['mmdet'] else None)
    if memory['mmdet'] > memory['floor']:
        extra = max(memory['sparse'] - memory['floor'], 0) / (memory['mmdet'] - memory['floor'])
        assert row['extra_memory_ratio'] == extra
    else:
        assert row['extra_memory_ratio'] is None


@pytest.fixture
def narrow_heads(repository, monkeypatch):
    """Make the tool measure heads with few channels; they have as many masks as those of mmdet's configs."""
    monkeypatch.syspath_prepend(repository / 'tools' / 'benchmarks')
    module = importlib.import_module('solo_head_contestants')
    published = module.published_model

    def narrow(name):
        model = published(name)
        model.mask_head.update(feat_channels=32, stacked_convs=1)
        return model

    monkeypatch.setattr(module, 'published_model', narrow)


@pytest.mark.slow
@pytest.mark.usefixtures('narrow_heads')
def test_measures_every_head(call_tool, tmp_path):
    figures = tmp_path / 'figures.json'
    small = ('--device', 'cpu', '--cases', '64x96x2', '--repeats', 1)
    run = call_tool('benchmarks/solo_head.py', '--head', *HEADS, *small, '--json', figures)
    assert run.returncode == 0, run.stderr
    rows = json.loads(figures.read_text())
    assert [(row['head'], row['mode']) for row in rows] == [(head, mode) for head in HEADS for mode in MODES]
    for row in rows:
        check_row(row)
        # Thirty thousand masks take more memory than none.
        assert row['mode'] != 'test-many' or row['memory_mib']['mmdet'] > row['memory_mib']['floor']
        assert row['head'] in run.stdout and row['mode'] in run.stdout


@pytest.mark.parametrize(('ours', 'theirs'), [(0, 0), (0, 40), (20, 40), (80, 40), (40, 0)])
def test_stops_where_the_sides_disagree(repository, monkeypatch, ours, theirs):
    monkeypatch.syspath_prepend(repository / 'tools' / 'benchmarks')
    from solo_head import require_agreement

    require_agreement(dict(instances=41), dict(instances=40))
    with pytest.raises(RuntimeError, match=f'{ours}.*{theirs}'):
        require_agreement(dict(instances=ours), dict(instances=theirs))
