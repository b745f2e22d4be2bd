from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile

import pytest
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.registry import DefaultScope

from mmdet_panseg.engine import load_config
from mmdet_panseg.models import SparseSOLOV2Head
from repository import REPOSITORY

NOT_PACKED = ('.*env*', '.git', 'work_dirs', 'build', '*.egg-info', 'tests', 'docs')
RECIPE = 'recipes/instance_cpu.py'


def without_scope(part):
    """A config's part without the marks that ``mmdet_panseg::`` leaves."""
    if isinstance(part, dict):
        return {key: without_scope(value) for key, value in part.items() if key != '_scope_'}
    return [without_scope(value) for value in part] if isinstance(part, (list, tuple)) else part


@pytest.fixture
def inherited(tmp_path):
    """A config in a folder of its own that inherits from the package."""
    path = tmp_path / 'mine.py'
    path.write_text(f"_base_ = 'mmdet_panseg::{RECIPE}'\nmodel = dict(test_cfg=dict(max_per_img=7))\n")
    return path


def test_a_config_anywhere_inherits_a_recipe(inherited):
    config = Config.fromfile(inherited)
    original = Config.fromfile(REPOSITORY / 'configs' / RECIPE)
    original.merge_from_dict({'model.test_cfg.max_per_img': 7})
    assert without_scope(config.to_dict()) == without_scope(original.to_dict())


def test_the_hub_of_mmengine_finds_it():
    assert get_config(f'mmdet_panseg::{RECIPE}').model.mask_head.type == 'SparseSOLOV2Head'


def test_parts_are_found_from_its_scope(inherited, capfd):
    model = load_config(inherited, {'model.mask_head.num_classes': 3}).model
    assert model['_scope_'] == 'mmdet_panseg'
    with DefaultScope.overwrite_default_scope('mmdet'):
        assert isinstance(MODELS.build(model).mask_head, SparseSOLOV2Head)
    printed = ''.join(capfd.readouterr())
    assert 'scope' not in printed and 'not installed' not in printed


@pytest.mark.slow
def test_a_wheel_carries_configs_and_tools(tmp_path):
    wheel = [sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps', '--no-build-isolation', '--wheel-dir']
    # Of a copy, since what an earlier build has left beside the sources would be packed as well.
    ours = shutil.copytree(REPOSITORY, tmp_path / 'copy', symlinks=True, ignore=shutil.ignore_patterns(*NOT_PACKED))
    subprocess.run([*wheel, str(tmp_path), str(ours)], check=True, timeout=300)
    (path,) = tmp_path.glob('*.whl')
    installed = tmp_path / 'installed'
    with zipfile.ZipFile(path) as archive:
        archive.extractall(installed)
    names = {str(file.relative_to(installed / 'mmdet_panseg/.mim')) for file in installed.rglob('*') if file.is_file()
             and '.mim' in file.parts}  # fmt: skip
    committed = subprocess.run(
        ['git', 'ls-files', 'configs/*.py', 'tools/*.py', 'tools/*.sh'], cwd=REPOSITORY, capture_output=True, text=True
    ).stdout.split()
    assert set(committed) <= names
    (tmp_path / 'mine.py').write_text(f"_base_ = 'mmdet_panseg::{RECIPE}'\n")
    code = (
        'import mmdet_panseg; from mmdet_panseg.engine import load_config; print(mmdet_panseg.__file__); '
        "load_config('mine.py', {'model.mask_head.num_classes': 1})"
    )
    found = subprocess.run(
        [sys.executable, '-c', code], cwd=tmp_path, env={'PYTHONPATH': str(installed)}, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith(str(installed))
