from __future__ import annotations

import copy

import pytest
from torch import multiprocessing

from mmdet_panseg.datasets.images.skipped_samples import SkippedSamples


def mark_two(skipped: SkippedSamples) -> None:
    skipped.mark(1, 'truncated')
    skipped.mark(3, 'wrong size', 'seg_map_path')


@pytest.mark.parametrize('copied', [False, True])
@pytest.mark.parametrize('method', ['fork', pytest.param('spawn', marks=pytest.mark.slow)])
def test_marks_of_another_process_are_seen(method, copied):
    skipped = SkippedSamples(4)
    skipped.mark(0, 'undecodable')
    if copied:
        skipped = copy.deepcopy(skipped)
    process = multiprocessing.get_context(method).Process(target=mark_two, args=(skipped,))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert skipped.faults() == {
        0: ('undecodable', 'img_path'),
        1: ('truncated', 'img_path'),
        3: ('wrong size', 'seg_map_path'),
    }
    assert len(skipped) == 3 and 1 in skipped and 2 not in skipped


def test_copies_are_independent():
    skipped = SkippedSamples(2)
    copy.deepcopy(skipped).mark(0, 'truncated')
    assert len(skipped) == 0


def test_unknown_reason():
    with pytest.raises(ValueError):
        SkippedSamples(1).mark(0, 'bad mood')


def test_no_samples():
    assert len(SkippedSamples(0)) == 0
