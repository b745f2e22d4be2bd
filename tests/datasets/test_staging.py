from __future__ import annotations

from pathlib import Path

import pytest

from mmdet_panseg.datasets.staging import staged_folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_when_it_is_complete(tmp_path):
    root = tmp_path / 'new' / 'set'
    with staged_folder(root) as stage:
        (stage / 'file').write_text('new')
        assert not root.exists() and stage.parent == root.parent
    assert names(root) == ['file'] and names(root.parent) == ['set']


def test_an_error_leaves_what_was_there(tmp_path):
    root = tmp_path / 'set'
    root.mkdir()
    (root / 'old').write_text('old')
    with pytest.raises(KeyboardInterrupt), staged_folder(root) as stage:
        (stage / 'file').write_text('new')
        raise KeyboardInterrupt
    assert names(root) == ['old'] and names(tmp_path) == ['set']


def test_success_replaces_what_was_there(tmp_path):
    root = tmp_path / 'set'
    root.mkdir()
    (root / 'old').write_text('old')
    with staged_folder(root) as stage:
        (stage / 'file').write_text('new')
        assert names(root) == ['old']
    assert names(root) == ['file'] and names(tmp_path) == ['set']


def test_an_error_of_the_last_step_brings_back_what_was_there(tmp_path, monkeypatch):
    root = tmp_path / 'set'
    root.mkdir()
    (root / 'old').write_text('old')
    rename = Path.rename

    def fail(path, target):
        if '.partial-' in path.name:
            raise OSError('disk full')
        return rename(path, target)

    monkeypatch.setattr(Path, 'rename', fail)
    with pytest.raises(OSError, match='disk full'), staged_folder(root):
        pass
    assert names(root) == ['old'] and names(tmp_path) == ['set']
