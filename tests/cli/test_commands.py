from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys

import pytest

from mmdet_panseg.cli import COMMANDS, main
from repository import REPOSITORY

AS_CONSOLE_COMMAND = "import sys; sys.argv[0] = 'panseg'; from mmdet_panseg.cli import main; main()"


def start(*arguments, folder, **environment):
    """Start ``panseg`` as its console script does."""
    command = [sys.executable, '-c', AS_CONSOLE_COMMAND, *arguments]
    path = os.pathsep.join([*filter(None, [environment.pop('first', None)]), str(REPOSITORY)])
    environment = {**os.environ, 'PYTHONPATH': path, **environment}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize('name', COMMANDS)
def test_each_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as left:
        main([name, '--help'])
    assert left.value.code == 0
    assert f'usage: panseg {name}' in capsys.readouterr().out


def test_the_overview_names_each_command(capsys):
    main([])
    printed = capsys.readouterr().out
    assert all(re.search(rf'^  {name} +{summary}$', printed, re.MULTILINE) for name, summary in COMMANDS.items())


def test_an_unknown_command_is_named_with_what_is_near(capsys):
    with pytest.raises(SystemExit) as left:
        main(['trian', 'config.py'])
    assert left.value.code == 2
    assert 'panseg trian: no such command. Near it: train.' in capsys.readouterr().err


def test_each_script_of_tools_runs_a_command():
    called = {
        match[1]: path
        for path in (REPOSITORY / 'tools').rglob('*.py')
        if (match := re.search(r"run_tool\('([\w-]+)'\)", path.read_text()))
    }
    assert {'train', 'test', 'ladder', 'scenes'} <= set(called) <= set(COMMANDS)
    for path in called.values():
        depth = len(path.relative_to(REPOSITORY).parts) - 1
        assert f'.parents[{depth}]' in path.read_text(), path


def test_check_tells_versions_and_what_the_package_lacks(tmp_path):
    found = start('check', folder=tmp_path)
    assert found.returncode == 0, found.stderr
    lines = dict(re.split(r'\s{2,}', line, maxsplit=1) for line in found.stdout.splitlines())
    assert lines['torch'] == importlib.import_module('torch').__version__
    assert 'CPU cores' in lines['devices'] and lines['mmcv ops'].startswith(('compiled', 'none'))
    assert lines['mmdet_panseg'].endswith(str(REPOSITORY / 'mmdet_panseg'))


def test_check_works_where_mmcv_does_not(tmp_path):
    (tmp_path / 'mmcv.py').write_text("raise ImportError('libtorch.so: no such file')")
    found = start('check', folder=tmp_path, first=str(tmp_path))
    assert found.returncode == 0, found.stderr
    assert 'mmcv ops' in found.stdout and 'libtorch.so: no such file' in found.stdout


def test_a_command_names_what_is_not_installed(tmp_path):
    (tmp_path / 'mmdet').mkdir()
    (tmp_path / 'mmdet' / '__init__.py').write_text("__version__ = '2.28'")
    found = start('train', 'config.py', folder=tmp_path, first=str(tmp_path))
    assert found.returncode == 2
    assert 'error: mmdet_panseg needs mmdet >= 3.4, found 2.28' in found.stderr and 'Traceback' not in found.stderr
