"""Makes the toy model, data and configs of this folder importable, here and in processes that tests start."""

from __future__ import annotations

import pytest
from torch import distributed

import toy_run


@pytest.fixture
def toy_config(tmp_path):
    """Build the config of a toy run in a folder of its own; keyword arguments replace settings."""

    def build(work_dir=tmp_path / 'run', **settings):
        return toy_run.toy_config(work_dir, **settings)

    return build


@pytest.fixture
def process_group(tmp_path):
    """A group of this process alone, for models wrapped for several."""
    distributed.init_process_group('gloo', init_method=f'file://{tmp_path}/group', rank=0, world_size=1)
    yield
    distributed.destroy_process_group()
