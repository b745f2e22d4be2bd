from __future__ import annotations

import importlib
import importlib.util

import pytest

from mmdet_panseg.requirements_check import check_requirements, release_of


def test_this_environment_passes():
    check_requirements()


@pytest.mark.parametrize(
    ('version', 'numbers'),
    [('2.13.0+cpu', (2, 13, 0)), ('3.4.2.post1', (3, 4, 2)), ('2.4rc1', (2, 4)), ('0.10.12', (0, 10, 12))],
)
def test_release(version, numbers):
    assert release_of(version) == numbers


@pytest.mark.parametrize(('name', 'version'), [('torch', '2.3.1'), ('mmdet', '2.28.0'), ('mmcv', '1.7.2')])
def test_an_old_library_is_named_with_the_remedy(monkeypatch, name, version):
    monkeypatch.setattr(importlib.import_module(name), '__version__', version)
    with pytest.raises(ImportError, match=rf'{name} >= .*found {version}.*pip install'):
        check_requirements()


def test_a_missing_library_is_named_with_the_remedy(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None if name == 'mmdet' else find(name))
    with pytest.raises(ImportError, match='needs mmdet: pip install onedl-mmdetection'):
        check_requirements()


def test_mmcv_without_ops_is_named_with_the_remedy(monkeypatch):
    load = importlib.import_module

    def without_ops(name):
        if name == 'mmcv._ext':
            raise ModuleNotFoundError("No module named 'mmcv._ext'")
        return load(name)

    monkeypatch.setattr(importlib, 'import_module', without_ops)
    with pytest.raises(ImportError, match='without its compiled ops.*MMCV_WITH_OPS=1'):
        check_requirements()
