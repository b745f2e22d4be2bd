from __future__ import annotations

import importlib.util
import sys

import pytest

from repository import REPOSITORY


@pytest.fixture
def stand_in(monkeypatch):
    """``mmcv._ext`` as ``OPS=none`` puts it there."""
    spec = importlib.util.spec_from_file_location('mmcv._ext', REPOSITORY / 'tools' / 'mmcv_without_ops.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, 'mmcv._ext', module)
    monkeypatch.setattr('mmcv._ext', module, raising=False)
    return module


def test_mmcv_finds_the_names_it_asks_for(stand_in):
    from mmcv.utils.ext_loader import load_ext

    assert load_ext('_ext', ['nms', 'roi_align_forward']) is stand_in
    assert not hasattr(stand_in, '__path__')


def test_a_call_names_the_op_and_the_remedy(stand_in):
    with pytest.raises(stand_in.MissingOpsError, match=r'nms is one of them.*setup_env.sh without OPS=none'):
        stand_in.nms(1, iou_threshold=0.5)
