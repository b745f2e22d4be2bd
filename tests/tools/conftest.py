"""Starts the command lines as a user does, with the toy model and data of tests/helpers."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.logging import MMLogger
from mmengine.runner.checkpoint import CheckpointLoader
from mmengine.visualization import Visualizer

from repository import HELPERS, REPOSITORY


@pytest.fixture(scope='session')
def tool_environment():
    """Environment variables with which configs find ``toy_run`` and scripts find this Python."""
    environment = dict(os.environ, OMP_NUM_THREADS='1', PYTHONPATH=f'{REPOSITORY}{os.pathsep}{HELPERS}')
    environment['PATH'] = f'{Path(sys.executable).parent}{os.pathsep}{environment["PATH"]}'
    return environment


@pytest.fixture
def run_tool(tool_environment, tmp_path):
    """Run a file of tools/ in an empty folder and return its finished process."""

    def run(name, *arguments, **environment):
        interpreter = ['bash'] if name.endswith('.sh') else [sys.executable]
        command = [*interpreter, str(REPOSITORY / 'tools' / name), *map(str, arguments)]
        return subprocess.run(
            command,
            cwd=tmp_path,
            env={**tool_environment, **environment},
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture
def call_tool(tmp_path, monkeypatch, capfd):
    """Run a Python file of tools/ in this process, which saves the seconds of starting one."""
    loaders = OrderedDict(CheckpointLoader._schemes)
    for name in ('RANK', 'LOCAL_RANK'):
        monkeypatch.setenv(name, '0')
    monkeypatch.chdir(tmp_path)
    # a new process has no loggers and visualizers; those of other tests write to streams that are closed by now
    for kind in (MMLogger, Visualizer):
        monkeypatch.setattr(kind, '_instance_dict', OrderedDict())

    def call(name, *arguments):
        path = str(REPOSITORY / 'tools' / name)
        monkeypatch.setattr(sys, 'argv', [path, *map(str, arguments)])
        capfd.readouterr()
        code = 0
        try:
            runpy.run_path(path, run_name='__main__')
        except SystemExit as leaving:
            code = leaving.code
        captured = capfd.readouterr()
        return SimpleNamespace(returncode=code, stdout=captured.out, stderr=captured.err)

    yield call
    CheckpointLoader._schemes = loaders
