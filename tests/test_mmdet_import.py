from __future__ import annotations

import importlib
import warnings

from mmdet_panseg.mmdet_import import import_mmdet


def test_only_lines_about_optional_packages_are_left_out(monkeypatch, capsys):
    def speak(name):
        print('Could not import OneDL. Skipping OneDL datasets.')
        print(f'{name}: worth knowing')
        warnings.warn('faster_coco_eval is not installed, metrics will not be computed.', stacklevel=1)
        warnings.warn('worth knowing too', stacklevel=1)

    monkeypatch.setattr(importlib, 'import_module', speak)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter('always')
        import_mmdet()
    assert capsys.readouterr().out.splitlines() == ['mmdet.datasets: worth knowing', 'mmdet.evaluation: worth knowing']
    assert not seen or all('faster_coco_eval' not in str(warning.message) for warning in seen)
