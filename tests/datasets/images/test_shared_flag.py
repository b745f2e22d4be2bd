from __future__ import annotations

import copy
import multiprocessing

import pytest

from mmdet_panseg.datasets.images.shared_flag import SharedFlag


def raise_flag(flag):
    flag.raise_first()


@pytest.mark.parametrize('copied', [False, True])
def test_raised_in_another_process(copied):
    flag = copy.deepcopy(SharedFlag()) if copied else SharedFlag()
    process = multiprocessing.get_context('fork').Process(target=raise_flag, args=(flag,))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert not flag.raise_first()


def test_first_only():
    flag = SharedFlag()
    assert [flag.raise_first() for _ in range(3)] == [True, False, False]
    assert not copy.deepcopy(flag).raise_first()
