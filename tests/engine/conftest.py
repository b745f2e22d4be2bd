"""Makes the toy model, data and configs of this folder importable, here and in processes that tests start."""

from __future__ import annotations

import pytest

import toy_run


@pytest.fixture
def toy_config(tmp_path):
    """Build the config of a toy run in a folder of its own; keyword arguments replace settings."""

    def build(work_dir=tmp_path / 'run', **settings):
        return toy_run.toy_config(work_dir, **settings)

    return build
